"""The pictures under evaluation, which a model may have to draw first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from animegan3_tf.checkpoints import WEIGHTS
from animegan3_tf.errors import UserError
from animegan3_tf.generator_file import is_published
from animegan3_tf.images import DEFAULT_MAX_PIXELS, find_images, quote
from animegan3_tf.stylize import Report, stylize_files
from animegan3_tf.stylizer import load_stylizer


def is_model(path: str | os.PathLike) -> bool:
    """Whether a path is a model for `load_stylizer` and no folder of pictures."""
    if not os.path.isdir(path) or is_published(path):
        return True
    return any(os.path.isfile(Path(path, name)) for name in (WEIGHTS, "saved_model.pb"))


def draw(
    model: str | os.PathLike,
    photos: str | os.PathLike,
    folder: str | os.PathLike,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable | None = None,
) -> Report:
    """Stylises the photos into a folder under their names, as PNG, so that nothing is lost before it is measured.

    Raises `UserError` when the folder holds other pictures too, of photos that have gone: they would be measured.
    """
    stylizer = load_stylizer(model)
    report = stylize_files([photos], folder, stylizer, max_pixels=max_pixels, suffix=".png", on_progress=on_progress)
    if os.path.isdir(folder) and len(find_images(folder)) != report.written:
        raise UserError(f"{quote(folder)} holds pictures of an earlier evaluation too; remove it, or name another -o")
    return report
