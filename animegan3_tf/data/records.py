"""Records: a source image with the targets made from it, step by step, for folders and shards alike."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from animegan3_tf.data.ledger import sha256_of
from animegan3_tf.data.targets import Stage
from animegan3_tf.errors import UserError, one_line
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, quote, read_image


@dataclass(frozen=True)
class Record:
    """An image on its way through the stages.

    Attributes:
        path: Its file, for messages.
        name: Its path relative to its folder, with forward slashes.
        sha256: SHA-256 of the file.
        rgb: The whole image on white, uint8 [H, W, 3], read-only.
        made: The targets made so far, uint8 [h, w, 3], by the name of their stage.
    """

    path: Path
    name: str
    sha256: str
    rgb: np.ndarray
    made: dict[str, np.ndarray] = field(default_factory=dict)


def open_record(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Record:
    """Reads a source file.

    Args:
        path: The file.
        name: Its path relative to its folder.
        max_pixels: Images with more are refused.

    Returns:
        Its record, without targets.

    Raises:
        ImageError: It is not a whole image, or too large.
        OSError: It cannot be read.
    """
    rgb = read_image(path, max_pixels).on_white()
    rgb.flags.writeable = False  # all targets are made from the same array
    return Record(path, name, sha256_of(path), rgb)  # read first: that refuses a named pipe, which would block here


def apply_stage(record: Record, stage: Stage) -> Record:
    """Makes the stage's target of a record; the same record and stage give the same target.

    Args:
        record: The record.
        stage: The kind of target.

    Returns:
        A copy of the record that holds the target too.

    Raises:
        UserError: The stage's function failed.
    """
    try:
        made = stage.function(record.rgb, record.name, **stage.parameters)
    except Exception as error:  # one odd image must not end a night's run: it is rejected by name instead
        reason = f"{stage.name} failed, {type(error).__name__}: {one_line(error)}"
        raise UserError(f"{quote(record.path)}: {reason}") from error
    return dataclasses.replace(record, made={**record.made, stage.name: made})


def read_source(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[os.stat_result, Record] | str:
    """Reads a source file and its state.

    Args:
        path: The file.
        name: Its path relative to its folder.
        max_pixels: Images with more are rejected.

    Returns:
        The state of the file, for the manifest, and its record; or the one-line reason why it cannot be used.
    """
    try:
        state = path.stat()  # before reading: a source that changes meanwhile is then seen as changed next time
        return state, open_record(path, name, max_pixels)
    except ImageError as error:
        return one_line(error)
    except OSError as error:
        return f"{quote(path)} cannot be read ({error.strerror}); check the path"
