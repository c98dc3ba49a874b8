"""Which generated picture belongs to which photo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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
