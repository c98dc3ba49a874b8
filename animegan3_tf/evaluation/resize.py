"""Antialiased resizing of images for a network."""

from __future__ import annotations

import numpy as np
from PIL import Image

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resize_antialiased(image: np.ndarray, size_hw: tuple[int, int], method: str = "bicubic") -> np.ndarray:
    """Resizes an image as clean-fid does (Parmar et al. 2022), with the same library.

    Each channel goes through Pillow in floating point and is clipped, never rounded. The filter widens as the image
    shrinks. The default resizing of TensorFlow and OpenCV gives aliased images, and with them other distances.

    Args:
        image: [H, W, C] in [0, 255].
        size_hw: (h, w).
        method: "bilinear" or "bicubic".

    Returns:
        float32 [h, w, C] in [0, 255].
    """
    height, width = size_hw
    channels = np.moveaxis(np.asarray(image, np.float32), -1, 0)
    if image.shape[:2] != (height, width):
        resized = [Image.fromarray(channel).resize((width, height), _FILTERS[method]) for channel in channels]
        channels = np.stack([np.asarray(channel) for channel in resized])
    return np.ascontiguousarray(np.moveaxis(channels, 0, -1).clip(0.0, 255.0))
