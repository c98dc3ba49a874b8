"""Draws a checkpoint's images of the photos, except those that an earlier call has left."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.ablation_checkpoints import Generator
from animegan3_tf.evaluation.drawn_record import DrawnRecord
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote
from animegan3_tf.stylize import plan_results, stylize_files
from animegan3_tf.stylizer import load_stylizer
from animegan3_tf.weights_file import write_weights

if TYPE_CHECKING:
    import numpy as np

    from animegan3_tf.stylizer import Stylizer


class UnfitGenerator(UserError):
    """Weights that do not fit the network that their header names."""


@dataclass(frozen=True)
class DrawnCheckpoint:
    """Counts of a checkpoint's images.

    Attributes:
        written: Images drawn by this call.
        kept: Images that an earlier call left.
        failures: One line for each photo that could not be stylised.
    """

    written: int
    kept: int
    failures: tuple[str, ...]


def draw_checkpoint(
    generator: Generator,
    photos: str | os.PathLike,
    folder: str | os.PathLike,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> DrawnCheckpoint:
    """Stylises the photos into a folder, which then holds this generator's images of these photos and no others.

    An image that an earlier call has drawn is not drawn again; see `DrawnRecord`. The images are PNG files, so that
    compression does not change what is measured.

    Args:
        generator: The generator.
        photos: The folder of photos.
        folder: The folder of images, made if missing.
        max_pixels: The limit for photos that are read.
        on_progress: Called with (photos done, all photos, name) after each photo.

    Raises:
        UnfitGenerator: The weights do not fit the network.
        UserError: The folder cannot be used.
    """
    targets = plan_results(photos, folder, ".png")
    try:
        record = DrawnRecord(folder, generator.sha256, targets)

        def advance(done: int, total: int, photo: Path, error: str | None) -> None:
            if error is None:
                record.add(photo)
            if on_progress:
                on_progress(done, total, photo.name)

        complete = len(record.standing) == len(targets)
        stylizer = _not_needed if complete else _stylizer(generator)
        report = stylize_files(
            [photos],
            folder,
            stylizer,
            max_pixels=max_pixels,
            suffix=".png",
            skip=record.standing,
            on_progress=advance,
        )
    except OSError as error:
        raise UserError(f"{quote(folder)} cannot be written to ({error.strerror}); name another with -o") from None
    return DrawnCheckpoint(report.written, len(record.standing), tuple(reason for _, reason in report.failures))


def _not_needed(photo: np.ndarray) -> np.ndarray:
    raise AssertionError("every photo has its image already")


def _stylizer(generator: Generator) -> Stylizer:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "generator.h5")
        write_weights(path, generator.header, generator.arrays)
        try:
            return load_stylizer(path)
        except UserError as error:
            raise UnfitGenerator(str(error).replace(str(path), str(generator.source))) from None
