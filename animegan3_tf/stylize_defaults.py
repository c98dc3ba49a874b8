"""Reads a checkpoint's defaults for `stylize` from its weights file. No TensorFlow for weights files."""

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


def header_of(model: str | os.PathLike) -> dict[str, object]:
    """Reads the header of a weights file, or the metadata of an exported one.

    Args:
        model: Any path or name that `load_stylizer` takes.

    Returns:
        Values by name; empty where a file has neither header nor metadata.
    """
    path = weights_of(model)
    if Path(path).suffix.lower() == ".h5":
        return read_header(path)
    from animegan3_tf.info import describe_model

    try:
        return describe_model(path)
    except UserError:  # another project's file
        return {}
