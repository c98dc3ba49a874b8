"""The key of a study: which method made the image behind each code. Only those who run the study may have it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.study.design import Study
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote


@dataclass(frozen=True)
class Key:
    """The key of a study.

    Attributes:
        study: The study, as in the page.
        methods: The methods' names, in the order of --method.
        photos: {code: photo's name}.
        pictures: {code: (photo's name, method's name)}.
        seed: With it and the same images, `build_study` makes the same study.
    """

    study: Study
    methods: tuple[str, ...]
    photos: dict[str, str]
    pictures: dict[str, tuple[str, str]]
    seed: int

    def write(self, path: str | os.PathLike) -> None:
        """Writes the key as JSON, whole or not at all."""
        values = {
            "study": self.study.to_dict(),
            "methods": self.methods,
            "seed": self.seed,
            "photos": self.photos,
            "pictures": {code: {"photo": photo, "method": method} for code, (photo, method) in self.pictures.items()},
        }
        with whole_file(path) as temporary:
            temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | os.PathLike) -> Key:
        """Reads a key from its file, or from beside a study's page.

        Raises:
            UserError: There is no key, or it cannot be read.
        """
        path = key_path(path)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            pictures = {code: (made["photo"], made["method"]) for code, made in values["pictures"].items()}
            study, methods = Study.from_dict(values["study"]), tuple(values["methods"])
            missing = {code for _, codes in study.trials for code in codes} - pictures.keys()
            if missing or not {method for _, method in pictures.values()} <= set(methods):
                raise ValueError("codes without a method")
            return cls(study, methods, values["photos"], pictures, values["seed"])
        except FileNotFoundError:
            raise UserError(f"{quote(path)} does not exist; scores need the key that `study build` wrote") from None
        except OSError as error:
            raise UserError(f"{quote(path)} cannot be read ({error.strerror}); check the path") from None
        except (ValueError, KeyError, TypeError, AttributeError):  # not JSON, or not this JSON
            raise UserError(
                f"{quote(path)} is not the key of a study; name the .key.json that `study build` wrote"
            ) from None


def key_path(page: str | os.PathLike) -> Path:
    """The path of a page's key: study.html -> study.key.json. A .json file is the key itself."""
    page = Path(page)
    return page if page.suffix.lower() == ".json" else page.with_suffix(".key.json")
