"""What an exported file says of itself, in whatever way its format has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

NOT_STATED = "not stated"
INPUT = "RGB photo, {}"
OUTPUT = "RGB anime picture of the same size, {}"
FLOAT_RANGE = "[-1, 1]: level / 127.5 - 1"
BYTE_RANGE = "0..255"


@dataclass(frozen=True)
class Card:
    """Plain strings about a model. trained_on: the pictures it saw, and whose they are."""

    name: str
    version: str
    author: str
    license: str
    trained_on: str

    @property
    def description(self) -> str:
        """For formats that have one text for all that is not name, author or licence."""
        return f"Photo to anime: AnimeGANv3's generator, base and main tail. Trained on: {self.trained_on}."

    def to_dict(self) -> dict[str, str]:
        """Every field by name."""
        return asdict(self)


def card_of(header: Mapping[str, object], given: Mapping[str, str | None]) -> Card:
    """A weights file's header as a card; `given` values (name, version, author, license, trained_on) come first."""
    style, step = header.get("style"), header.get("step")
    known = {
        "name": f"AnimeGANv3 {style}" if style else "AnimeGANv3",
        "version": f"{header.get('version', '0')}" + (f", step {step}" if step is not None else ""),
        **{key: str(header[key]) for key in ("author", "license", "trained_on") if header.get(key)},
        **{key: value for key, value in given.items() if value},
    }
    return Card(**{key: known.get(key, NOT_STATED) for key in Card.__dataclass_fields__})
