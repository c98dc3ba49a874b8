"""Matches generated images to photos."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.images import find_images

_ASPECT = 0.05  # log ratio: methods pad or round sides to multiples of 8 or 32; more is another image


def images_by_name(folder: str | os.PathLike, what: str) -> dict[str, Path]:
    """Finds the images of a folder by name.

    Args:
        folder: The folder.
        what: The name of the folder in errors.

    Returns:
        {path below the folder, without suffix and with forward slashes: file}.

    Raises:
        UserError: Two images have one name.
    """
    paths: dict[str, Path] = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in paths:
            raise UserError(f"{what} has two pictures named {name!r} ({paths[name].suffix}, {path.suffix}); remove one")
        paths[name] = path
    return paths


def same_aspect(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes (height, width) have aspect ratios that differ by 5 % at most."""
    return abs(math.log(first[1] / first[0] * second[0] / second[1])) <= _ASPECT


def pair_images(
    generated: Sequence[Path], folder: Path, photos: Sequence[Path], photo_folder: Path
) -> dict[Path, Path]:
    """Matches generated images to photos by their paths below their folders, without suffixes.

    Args:
        generated: The generated images.
        folder: Their folder.
        photos: The photos. Where several differ only in the suffix, the one with the image's own suffix is taken, or
            else the first.
        photo_folder: Their folder.

    Returns:
        {generated image: its photo}, without images that have no photo.
    """
    by_name: dict[Path, list[Path]] = {}
    for photo in photos:
        by_name.setdefault(photo.relative_to(photo_folder).with_suffix(""), []).append(photo)
    pairs = {}
    for image in generated:
        found = by_name.get(image.relative_to(folder).with_suffix(""), [])
        if found:
            pairs[image] = next((photo for photo in found if photo.suffix == image.suffix), found[0])
    return pairs
