"""What an exported file says of itself, in whatever way its format has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from animegan3_tf.terms import NOT_STATED

INPUT = "RGB photo, {}"
OUTPUT = "RGB anime picture of the same size, {}"
FLOAT_RANGE = "[-1, 1]: level / 127.5 - 1"
BYTE_RANGE = "0..255"


@dataclass(frozen=True)
class Card:
    """Plain strings about a model. architecture: its published name. trained_on: the pictures it saw, and whose."""

    name: str
    architecture: str
    version: str
    author: str
    license: str
    trained_on: str

    @property
    def description(self) -> str:
        """For formats that have one text for all that is not name, author or licence."""
        return f"Photo to anime by the generator of {self.architecture}. Trained on: {self.trained_on}."

    def to_dict(self) -> dict[str, str]:
        """Every field by name."""
        return asdict(self)


def card_of(header: Mapping[str, object], title: str, given: Mapping[str, str | None]) -> Card:
    """A weights file's header as a card; `given` values (name, version, author, license, trained_on) come first.

    title: of the architecture, such as "AnimeGANv3".
    """
    style, step = header.get("style"), header.get("step")
    known = {
        "name": f"{title} {style}" if style else title,
        "architecture": title,
        "version": f"{header.get('version', '0')}" + (f", step {step}" if step is not None else ""),
        **{key: str(header[key]) for key in ("author", "license", "trained_on") if header.get(key)},
        **{key: value for key, value in given.items() if value},
    }
    return Card(**{key: known.get(key, NOT_STATED) for key in Card.__dataclass_fields__})
