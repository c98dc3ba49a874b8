"""Records: a source picture with the targets made from it, step by step, for folders and shards alike."""

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
    """A picture on its way through the stages.

    path: where it was read, for messages. name: relative to its folder, with forward slashes. sha256: of the file.
    rgb: the whole picture on white, uint8 [H, W, 3], read-only. made: uint8 pictures [h, w, 3] by their stage's name.
    """

    path: Path
    name: str
    sha256: str
    rgb: np.ndarray
    made: dict[str, np.ndarray] = field(default_factory=dict)


def open_record(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Record:
    """The record of a source file, nothing made yet. Raises `ImageError` or OSError where it cannot be read."""
    rgb = read_image(path, max_pixels).on_white()
    rgb.flags.writeable = False  # every target is made of the same array
    return Record(path, name, sha256_of(path), rgb)  # read first: that refuses a named pipe, which would block here


def apply_stage(record: Record, stage: Stage) -> Record:
    """The record with the stage's target added: a pure function, the same record and stage give the same target."""
    try:
        made = stage.function(record.rgb, record.name, **stage.parameters)
    except Exception as error:  # one odd picture shall not end a night's run: it is rejected by name instead
        reason = f"{stage.name} failed, {type(error).__name__}: {one_line(error)}"
        raise UserError(f"{quote(record.path)}: {reason}") from error
    return dataclasses.replace(record, made={**record.made, stage.name: made})


def read_source(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[os.stat_result, Record] | str:
    """The state of a source file, for the books, and its record; or the one-line reason why it cannot be used."""
    try:
        state = path.stat()  # before reading: a source that changes meanwhile is then seen as changed next time
        return state, open_record(path, name, max_pixels)
    except ImageError as error:
        return one_line(error)
    except OSError as error:
        return f"{quote(path)} cannot be read ({error.strerror}); check the path"
