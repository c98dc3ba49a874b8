"""A checkpoint's pictures of the photos, drawn where they do not stand already."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.ablation_checkpoints import Generator
from animegan3_tf.evaluation.drawn_record import DrawnRecord
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote
from animegan3_tf.stylize import plan_results, stylize_files
from animegan3_tf.stylizer import load_stylizer
from animegan3_tf.weights_file import write_weights


class UnfitGenerator(UserError):
    """Weights that do not fit the network that their header names."""


@dataclass(frozen=True)
class Drawn:
    """How many pictures were drawn now, how many stood already, and one line for each photo that failed."""

    written: int
    kept: int
    failures: tuple[str, ...]


def draw_checkpoint(
    generator: Generator,
    photos: str | os.PathLike,
    folder: str | os.PathLike,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Drawn:
    """Stylises the photos into a folder, which then holds this generator's pictures of these photos and no others.

    A picture that stands from an earlier call is not drawn again; `DrawnRecord` says which do. PNG, so that nothing is
    lost before it is measured. Raises UnfitGenerator, and UserError for a folder that cannot be used.
    """
    targets = plan_results(photos, folder, ".png")
    try:
        record = DrawnRecord(folder, generator.sha256, targets)

        def advance(done, total, photo, error):
            if error is None:
                record.add(photo)
            if on_progress:
                on_progress(done, total, photo.name)

        complete = len(record.standing) == len(targets)
        stylizer = None if complete else _stylizer(generator)
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
    return Drawn(report.written, len(record.standing), tuple(reason for _, reason in report.failures))


def _stylizer(generator):
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "generator.h5")
        write_weights(path, generator.header, generator.arrays)
        try:
            return load_stylizer(path)
        except UserError as error:
            raise UnfitGenerator(str(error).replace(str(path), str(generator.source))) from None
