"""Reads the variables of TensorFlow 1 checkpoints by name. Nothing in them is executed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError

_DAMAGE = (tf.errors.OpError, IndexError, RuntimeError, ValueError)  # the reader raises these for damaged files
_INDEX, _DATA = ".index", ".data-*-of-*"
ACCEPTED = (
    "name a checkpoint's prefix (such as Hayao-99.ckpt), a folder with a file named checkpoint, a frozen graph (.pb), "
    "an .onnx file or a TF.js folder (with model.json)"
)


@dataclass(frozen=True)
class Variables:
    """The variables of a checkpoint.

    Attributes:
        shapes: Their shapes by name.
        read: Reads the variable of a name as an array; raises UserError where the file is damaged.
        files: All files of the checkpoint, in the order of their names.
    """

    shapes: dict[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    files: tuple[Path, ...]


def open_variables(checkpoint: str | os.PathLike) -> Variables:
    """Opens a checkpoint; no variable is read yet.

    Args:
        checkpoint: Its prefix, its .index file, or a folder with a `checkpoint` file.

    Raises:
        UserError: There is no such checkpoint, or it is damaged.
    """
    path = Path(checkpoint)
    prefix = _named_in(path) if path.is_dir() else path
    prefix = prefix.with_name(prefix.name[: -len(_INDEX)]) if prefix.name.endswith(_INDEX) else prefix
    index = prefix.with_name(prefix.name + _INDEX)
    if not index.is_file():
        raise UserError(f"checkpoint {str(checkpoint)!r}: {str(index)!r} does not exist; {ACCEPTED}")
    return _checkpoint(prefix, index)


def _named_in(folder: Path) -> Path:
    """The prefix that a folder's `checkpoint` file names; its path may be another machine's: the last part counts."""
    try:
        text = Path(folder, "checkpoint").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"folder {str(folder)!r} has no checkpoint file that can be read; {ACCEPTED}") from error
    named = re.search(r'^\s*model_checkpoint_path:\s*"([^"\n]+)"', text, re.MULTILINE)
    if named is None:
        raise UserError(f"{str(Path(folder, 'checkpoint'))!r} names no model_checkpoint_path; {ACCEPTED}")
    return Path(folder, re.split(r"[/\\]", named[1])[-1])


def _checkpoint(prefix: Path, index: Path) -> Variables:
    data = tuple(sorted(prefix.parent.glob(_glob_literal(prefix.name) + _DATA)))
    damaged = f"checkpoint {str(prefix)!r} is damaged or incomplete; fetch it again"
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except _DAMAGE as error:
        raise UserError(f"{damaged} ({_first_line(error)})") from error

    def read(name: str) -> np.ndarray:
        try:
            return reader.get_tensor(name)
        except _DAMAGE as error:  # its checksum is verified here
            raise UserError(f"{damaged} ({name}: {_first_line(error)})") from error

    return Variables(shapes, read, (*data, index))


def _glob_literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
