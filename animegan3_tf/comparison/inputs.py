"""The photos as every method gets them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import in_threads
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import images_by_name
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, quote, read_image, resize, write_image
from animegan3_tf.sizes import MIN_SIDE


@dataclass(frozen=True)
class Inputs:
    """Photos, reduced, as PNG files in a folder.

    Attributes:
        given: The user's folder.
        folder: The folder of PNG files.
        paths: {name: PNG file}. A name is the photo's path below the user's folder, without suffix.
        sizes: {name: (H, W)} of the PNG files.
        rejected: One line for each photo that cannot be used.
        side: The limit of the longest side, in pixels.
    """

    given: Path
    folder: Path
    paths: dict[str, Path]
    sizes: dict[str, tuple[int, int]]
    rejected: tuple[str, ...]
    side: int


def reduce_photos(
    photos: str | os.PathLike,
    folder: Path,
    side: int,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    advance: Callable[[int, int, str], None] | None = None,
) -> Inputs:
    """Writes each photo as a PNG file for the methods to stylise.

    Transparent photos are laid on white, as a viewer would see them.

    Args:
        photos: The folder of photos.
        folder: Where the PNG files go.
        side: Pixels of the longest side, at most. Smaller photos keep their size.
        max_pixels: The limit for photos that are read.
        advance: Called with (photos done, all photos, name) after each photo.

    Raises:
        UserError: There is no photo, or none can be used.
    """
    found = images_by_name(photos, "--photos")
    if not found:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")

    def read(item: tuple[str, Path]) -> tuple[str, tuple[int, int], str | None]:
        name, path = item
        try:
            rgb = reduced(read_image(path, max_pixels).on_white(), side)
        except ImageError as error:
            return name, (0, 0), str(error)
        if min(rgb.shape[:2]) < MIN_SIDE:
            size = f"{rgb.shape[1]}x{rgb.shape[0]}"
            return name, (0, 0), f"{quote(path)} is {size} at this --size; a side needs {MIN_SIDE} pixels or more"
        write_image(image_path(folder, name), rgb)
        height, width = rgb.shape[:2]
        return name, (height, width), None

    sizes, rejected = {}, []
    for number, (name, size, reason) in enumerate(in_threads(read, found.items()), 1):
        if reason is None:
            sizes[name] = size
        else:
            rejected.append(reason)
        if advance:
            advance(number, len(found), name)
    if not sizes:
        raise UserError(f"--photos {quote(photos)} holds no picture that can be used: {rejected[0]}")
    paths = {name: image_path(folder, name) for name in sizes}
    return Inputs(Path(photos), folder, paths, sizes, tuple(rejected), side)


def image_path(folder: Path, name: str) -> Path:
    """The path of a name's PNG file in a folder."""
    return Path(folder, f"{name}.png")


def reduced(rgb: np.ndarray, side: int) -> np.ndarray:
    """Reduces a uint8 image [H, W, 3] until its longest side is at most `side` pixels; never enlarges."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    return resize(rgb, (max(1, round(height * scale)), max(1, round(width * scale))))
