"""The photos as every method gets them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import in_threads
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import pictures_by_name
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, quote, read_image, resize, write_image
from animegan3_tf.sizes import MIN_SIDE


@dataclass(frozen=True)
class Inputs:
    """Photos, reduced, as PNG in a folder.

    paths: {name: file}, the name being that of the photo below its folder, without suffix. sizes: {name: (H, W)}.
    rejected: a line for each photo that could not be read. side: the longest side that was asked for.
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
    """Writes each photo as a PNG whose longest side is at most `side`; smaller ones keep their size.

    Transparent photos are laid on white: pictures are compared as they are seen. Raises UserError where there is no
    photo, or none can be used.
    """
    found = pictures_by_name(photos, "--photos")
    if not found:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")

    def read(item):
        name, path = item
        try:
            rgb = reduced(read_image(path, max_pixels).on_white(), side)
        except ImageError as error:
            return name, None, str(error)
        if min(rgb.shape[:2]) < MIN_SIDE:
            return name, None, f"{quote(path)} is {rgb.shape[1]}x{rgb.shape[0]} here; {MIN_SIDE} pixels a side is least"
        write_image(picture_path(folder, name), rgb)
        return name, rgb.shape[:2], None

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
    paths = {name: picture_path(folder, name) for name in sizes}
    return Inputs(Path(photos), folder, paths, sizes, tuple(rejected), side)


def picture_path(folder: Path, name: str) -> Path:
    """The PNG of a name in a folder."""
    return Path(folder, f"{name}.png")


def reduced(rgb: np.ndarray, side: int) -> np.ndarray:
    """A uint8 picture [H, W, 3] whose longest side is `side` at most, by area; a smaller one as it is."""
    scale = min(1.0, side / max(rgb.shape[:2]))
    return resize(rgb, tuple(max(1, round(length * scale)) for length in rgb.shape[:2]))
