"""The checkpoints that ship, the terms of weights, and their defaults for `stylize`. No TensorFlow."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights_file import read_header

NOT_STATED = "not stated"
WEIGHTS = "generator.h5"
DEFAULT = "portrait"
_CHECKOUT = Path(__file__).resolve().parents[2] / "checkpoints"


@dataclass(frozen=True)
class ShippedCheckpoint:
    """A checkpoint that comes with the project.

    Attributes:
        name: Name of its folder, by which commands know it.
        folder: The folder, which holds `generator.h5` and may hold `card.md`.
        header: Header of the weights file.
        bytes: Size of the weights file.
    """

    name: str
    folder: Path
    header: dict
    bytes: int

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.folder / WEIGHTS

    def to_dict(self) -> dict[str, object]:
        """The header's entries, then name, weights, bytes and card, as plain values for JSON."""
        places = {"name": self.name, "weights": str(self.weights), "bytes": self.bytes}
        card = self.folder / "card.md"
        return {**self.header, **places, "card": str(card) if card.is_file() else None}


def shipped_checkpoints(folder: str | os.PathLike | None = None) -> list[ShippedCheckpoint]:
    """Lists the shipped checkpoints, `portrait` first and the others by name.

    Args:
        folder: Where to look for NAME/generator.h5; by default the checkout's folder, else the installed package's.

    Raises:
        UserError: A weights file cannot be read.
    """
    folder = _shipped_folder() if folder is None else Path(folder)
    found = [
        ShippedCheckpoint(path.parent.name, path.parent, read_header(path), path.stat().st_size)
        for path in (folder.glob(f"*/{WEIGHTS}") if folder else ())
    ]
    return sorted(found, key=lambda one: (one.name != DEFAULT, one.name))


def default_checkpoint() -> ShippedCheckpoint:
    """Returns the checkpoint `portrait`, or the first by name where `portrait` is not shipped.

    Raises:
        UserError: No checkpoint is shipped.
    """
    found = shipped_checkpoints()
    if not found:
        raise UserError(
            "no checkpoint is shipped with this version; train one and name its run folder with --model (make: MODEL=)"
        )
    return found[0]


def weights_of(model: str | os.PathLike) -> Path:
    """Returns the weights file of a run folder or of a shipped checkpoint's name; any other path unchanged."""
    path = by_name(model)
    return path / WEIGHTS if (path / WEIGHTS).is_file() else path


def by_name(model: str | os.PathLike) -> Path:
    """Returns the weights file of a shipped checkpoint's name; any other path unchanged.

    A file or folder of that name in the current folder comes before a checkpoint.
    """
    path = Path(model)
    if not os.path.lexists(path) and path.name == os.fspath(model):
        folder = _shipped_folder()
        if folder and (folder / path / WEIGHTS).is_file():
            return folder / path / WEIGHTS
    return path


def _shipped_folder() -> Path | None:
    """The folder that holds NAME/generator.h5, or None."""
    if _CHECKOUT.is_dir():
        return _CHECKOUT
    try:
        files = importlib.metadata.files("animegan3_tf") or ()
    except importlib.metadata.PackageNotFoundError:  # run from a folder of sources
        return None
    # a wheel's data files lie outside the package, where its scheme puts them
    paths = (Path(file.locate()) for file in files if file.name == WEIGHTS)
    return next((path.resolve().parents[1] for path in paths if path.is_file()), None)


def terms_of(header: Mapping[str, object]) -> str:
    """Returns the entry "license" of a weights file's header on one line; "not stated" where it is missing."""
    return " ".join(str(header.get("license") or NOT_STATED).split())


@dataclass(frozen=True)
class StylizeDefaults:
    """Defaults of `stylize` for one model: the entry "stylize" in the header of its weights file.

    Attributes:
        faces: Whether each face of a photo is drawn again, on its own.
        face_size: Side in pixels of the crops in which faces are drawn.
        size: Longest side in pixels at which a whole photo is drawn; 0 keeps the photo's own.
    """

    faces: bool = False
    face_size: int = 256
    size: int = 0

    @classmethod
    def from_header(cls, header: Mapping[str, object]) -> StylizeDefaults:
        """Reads the entry "stylize" of a weights file's header; missing values keep their defaults.

        Raises:
            UserError: The entry holds an unknown name or a value of the wrong type.
        """
        given = header.get("stylize", {})
        known = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        if not isinstance(given, Mapping) or any(type(value) is not known.get(name) for name, value in given.items()):
            raise UserError(
                f"the weights' header says 'stylize': {given!r}; it may hold faces (true or false), face_size and size "
                "(whole numbers)"
            )
        return cls(**given)
