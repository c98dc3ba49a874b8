"""The pictures of a study: the photos, and what each method made of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import pictures_by_name, same_aspect
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote, read_image, resize

_NAMED = 5  # missing pictures that are named; the rest is counted


def match_pictures(photos: str | os.PathLike, methods: dict[str, Path]) -> dict[str, dict[str | None, Path]]:
    """The files of each photo: {name: {None: the photo, method: its picture}}.

    methods: name -> folder. Pictures belong to a photo by their path in the folder without suffix. Raises UserError,
    which names what is missing or there twice.
    """
    originals = pictures_by_name(photos, "--photos")
    if not originals:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")
    found = {method: pictures_by_name(folder, f"method {method!r}") for method, folder in methods.items()}
    missing = [f"{method!r} of {name}" for method, paths in found.items() for name in originals if name not in paths]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        raise UserError(f"pictures are missing: {', '.join(missing[:_NAMED])}{more}; make them, or remove those photos")
    return {name: {None: path, **{m: found[m][name] for m in methods}} for name, path in originals.items()}


def read_alike(
    paths: dict[str | None, Path],
    side: int,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> dict[str | None, np.ndarray]:
    """Reads a photo (under None) and its pictures, uint8 [h, w, 3], all of the photo's shape, at most `side` long.

    All alike, since a method's own size would tell the methods apart. Raises UserError for a picture whose aspect
    ratio differs from the photo's by over 5 %, ImageError for one that cannot be read.
    """
    pictures = {method: read_image(path, max_pixels).on_white() for method, path in paths.items()}
    height, width = pictures[None].shape[:2]
    for method, rgb in pictures.items():
        if not same_aspect(rgb.shape, (height, width)):
            raise UserError(
                f"{quote(paths[method])} is {rgb.shape[1]:,}x{rgb.shape[0]:,}, its photo {width:,}x{height:,}; "
                "a study needs whole pictures of one shape"
            )
    scale = min(1.0, side / max(height, width))
    size = tuple(max(1, round(length * scale)) for length in (height, width))
    return {method: resize(rgb, size) for method, rgb in pictures.items()}
