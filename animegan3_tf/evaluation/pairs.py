"""Which generated picture belongs to which photo."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.images import find_images

_ASPECT = 0.05  # methods pad or round sides to multiples of 8 or 32; more is another picture


def pictures_by_name(folder: str | os.PathLike, what: str) -> dict[str, Path]:
    """{path below the folder, without suffix and with forward slashes: file} of the pictures of a folder.

    Raises UserError, in which the folder is `what`, where two have one name.
    """
    paths = {}
    for path in find_images(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in paths:
            raise UserError(f"{what} has two pictures named {name!r} ({paths[name].suffix}, {path.suffix}); remove one")
        paths[name] = path
    return paths


def same_aspect(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two pictures (height, width) can show the same: aspect ratios that differ by 5 % at most."""
    return abs(math.log(first[1] / first[0] * second[0] / second[1])) <= _ASPECT


def pair_pictures(generated: Sequence[Path], folder: Path, photos: Sequence[Path], photo_folder: Path) -> dict:
    """{generated picture: its photo}: the one of the same path below its folder, suffixes aside.

    Of photos that differ in nothing but the suffix, one of the picture's own is taken, else the first; generated
    pictures without a photo are left out.
    """
    by_name = {}
    for photo in photos:
        by_name.setdefault(photo.relative_to(photo_folder).with_suffix(""), []).append(photo)
    pairs = {}
    for picture in generated:
        found = by_name.get(picture.relative_to(folder).with_suffix(""), [])
        if found:
            pairs[picture] = next((photo for photo in found if photo.suffix == picture.suffix), found[0])
    return pairs
