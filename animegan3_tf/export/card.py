"""Describes a model for the metadata of exported files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from animegan3_tf.terms import NOT_STATED

INPUT = "RGB photo, {}"
OUTPUT = "RGB anime picture of the same size, {}"  # in files that users have
FLOAT_RANGE = "[-1, 1]: level / 127.5 - 1"
BYTE_RANGE = "0..255"


@dataclass(frozen=True)
class Card:
    """Describes a model.

    Attributes:
        name: The model's name.
        architecture: Published name of the generator, such as "AnimeGANv3".
        version: Version of this project and the training step.
        author: Who made the model.
        license: What it may be used for.
        trained_on: The images it was trained on, and their owners.
    """

    name: str
    architecture: str
    version: str
    author: str
    license: str
    trained_on: str

    @property
    def description(self) -> str:
        """One text for formats that have fields for name, author and licence only."""
        return f"Photo to anime by the generator of {self.architecture}. Trained on: {self.trained_on}."

    def to_dict(self) -> dict[str, str]:
        """Every field by name."""
        return asdict(self)


def card_of(header: Mapping[str, object], title: str, given: Mapping[str, str | None]) -> Card:
    """Makes the card of a weights file.

    Args:
        header: The weights file's header.
        title: Published name of its architecture, such as "AnimeGANv3".
        given: Values of the user (name, version, author, license, trained_on), which replace the header's; None and
            empty ones do not.

    Returns:
        The card; fields without a value are "not stated".
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
