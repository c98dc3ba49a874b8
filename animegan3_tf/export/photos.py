"""Reads photos for calibrating and checking exported files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError

_BUNDLED = ("astronaut", "chelsea", "coffee")  # public domain or CC0, inside scikit-image's wheel


def read_photos(folder: Path, count: int, option: str) -> list[np.ndarray]:
    """Reads photos that are evenly spread over a folder's sorted list.

    Args:
        folder: Where they are.
        count: Number of photos; fewer where the folder has fewer.
        option: The option that named the folder, for the messages.

    Returns:
        uint8 RGB arrays [H, W, 3] of their own sizes.

    Raises:
        UserError: The folder does not exist or holds no photos, or a photo cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds photos")
    paths = images.find_images(folder)
    if not paths:
        raise UserError(f"{option} {str(folder)!r} holds no photos; put some like those the model will see there")
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [images.read_image(paths[i]).rgb for i in chosen]


def bundled_photos() -> list[np.ndarray]:
    """Returns three photos that come with scikit-image, uint8 RGB [H, W, 3]."""
    import skimage.data

    return [getattr(skimage.data, name)() for name in _BUNDLED]


def fitted(photos: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Cuts out the middles of photos and resizes them to one shape.

    Args:
        photos: uint8 RGB [H, W, 3] of any sizes.
        shape: (height, width) of the results in pixels.

    Returns:
        float32 [N, height, width, 3] in [-1, 1].
    """
    return np.stack([_middle(photo, shape) for photo in photos]).astype(np.float32) / 127.5 - 1.0


def _middle(photo: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = photo.shape[:2]
    scale = min(height / shape[0], width / shape[1])
    rows, columns = round(shape[0] * scale), round(shape[1] * scale)
    top, left = (height - rows) // 2, (width - columns) // 2
    return images.resize(photo[top : top + rows, left : left + columns], shape)
