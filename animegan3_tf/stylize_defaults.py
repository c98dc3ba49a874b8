"""How a checkpoint wants to be used, which the header of its weights file says. No TensorFlow for weights files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from animegan3_tf.checkpoints import weights_of
from animegan3_tf.errors import UserError
from animegan3_tf.weights_file import read_header


@dataclass(frozen=True)
class StylizeDefaults:
    """How `stylize` uses a model unless the user says otherwise; "stylize" in the header of its weights file.

    Attributes:
        faces: Whether each face of a photo is drawn again, on its own.
        face_size: Side in pixels of the crops in which faces are drawn.
        size: Longest side in pixels that the generator sees of a whole photo; 0: the photo's own.
    """

    faces: bool = False
    face_size: int = 256
    size: int = 0

    @classmethod
    def from_header(cls, header: Mapping[str, object]) -> StylizeDefaults:
        """Reads the entry "stylize" of a weights file's header; what it leaves out keeps its default.

        Raises:
            UserError: The entry holds a name or a type of value that is not known.
        """
        given = header.get("stylize", {})
        known = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        fits = isinstance(given, Mapping) and all(type(value) is known.get(name) for name, value in given.items())
        if not fits:
            raise UserError(
                f"the weights' header says 'stylize': {given!r}; it may hold faces (true or false), face_size and size "
                "(whole numbers)"
            )
        return cls(**given)


def header_of(model: str | os.PathLike) -> dict[str, object]:
    """What a model file says of itself, by name.

    Args:
        model: Any path or name that `load_stylizer` takes.

    Returns:
        The header of a weights file; what an exported file's metadata say; nothing where a file has neither.
    """
    path = weights_of(model)
    if Path(path).suffix.lower() == ".h5":
        return read_header(path)
    from animegan3_tf.info import describe_model

    try:
        return describe_model(path)
    except UserError:  # another project's file
        return {}
