"""The images under evaluation, which a model may have to draw first."""

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
    """Whether a path is a model for `load_stylizer` and not a folder of images."""
    if not os.path.isdir(path) or is_published(path):
        return True
    return any(os.path.isfile(Path(path, name)) for name in (WEIGHTS, "saved_model.pb"))


def draw(
    model: str | os.PathLike,
    photos: str | os.PathLike,
    folder: str | os.PathLike,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
) -> Report:
    """Stylises the photos into a folder under their names.

    The images are PNG files, so that compression does not change what is measured.

    Args:
        model: A model for `load_stylizer`.
        photos: The folder of photos.
        folder: The folder of images, made if missing.
        max_pixels: The limit for photos that are read.
        on_progress: See `stylize_files`.

    Raises:
        UserError: The model cannot be loaded, or the folder holds other images, which would be measured too.
    """
    stylizer = load_stylizer(model)
    report = stylize_files([photos], folder, stylizer, max_pixels=max_pixels, suffix=".png", on_progress=on_progress)
    if os.path.isdir(folder) and len(find_images(folder)) != report.written:
        raise UserError(f"{quote(folder)} holds pictures of an earlier evaluation too; remove it, or name another -o")
    return report
