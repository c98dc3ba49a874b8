"""The images of a study: the photos, and each method's images of them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import images_by_name, same_aspect
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote, read_image, resize

_NAMED = 5  # missing images that an error names; the others are only counted


def match_images(photos: str | os.PathLike, methods: dict[str, Path]) -> dict[str, dict[str | None, Path]]:
    """Matches each method's images to the photos, by their paths below their folders without suffix.

    Args:
        photos: The folder of photos.
        methods: {name: folder of images}.

    Returns:
        {photo's name: {None: the photo, method: its image}}.

    Raises:
        UserError: There is no photo, an image is missing, or two have one name.
    """
    originals = images_by_name(photos, "--photos")
    if not originals:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")
    found = {method: images_by_name(folder, f"method {method!r}") for method, folder in methods.items()}
    missing = [f"{method!r} of {name}" for method, paths in found.items() for name in originals if name not in paths]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        raise UserError(f"pictures are missing: {', '.join(missing[:_NAMED])}{more}; make them, or remove those photos")
    matched: dict[str, dict[str | None, Path]] = {name: {None: path} for name, path in originals.items()}
    for name, paths in matched.items():
        paths.update({method: found[method][name] for method in methods})
    return matched


def read_alike(
    paths: dict[str | None, Path],
    side: int,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> dict[str | None, np.ndarray]:
    """Reads a photo and its images at one size, so that a method's own size does not give it away.

    Args:
        paths: {None: the photo, method: its image}.
        side: Pixels of the longest side, at most.
        max_pixels: The limit for images that are read.

    Returns:
        uint8 [h, w, 3] under the keys of `paths`, all with the photo's aspect ratio.

    Raises:
        UserError: An image's aspect ratio differs from the photo's by over 5 %.
        ImageError: An image cannot be read.
    """
    images = {method: read_image(path, max_pixels).on_white() for method, path in paths.items()}
    height, width = images[None].shape[:2]
    for method, rgb in images.items():
        if not same_aspect(rgb.shape, (height, width)):
            raise UserError(
                f"{quote(paths[method])} is {rgb.shape[1]:,}x{rgb.shape[0]:,}, its photo {width:,}x{height:,}; "
                "a study needs whole pictures of one shape"
            )
    scale = min(1.0, side / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return {method: resize(rgb, size) for method, rgb in images.items()}
