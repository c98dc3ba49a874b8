"""Antialiased resizing of pictures before a network sees them."""

from __future__ import annotations

import numpy as np
from PIL import Image

_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resize_antialiased(image: np.ndarray, size_hw: tuple[int, int], method: str = "bicubic") -> np.ndarray:
    """Resizes [H, W, C] in 0..255 to float32 [h, w, C] in 0..255; the filter widens as the picture shrinks.

    method: "bilinear" or "bicubic". Each channel goes through Pillow in floating point and is clipped, never rounded:
    what clean-fid does (Parmar et al., 2022), with the same library. Networks fed by TensorFlow's or OpenCV's default
    resizing see aliased pictures, and give other distances.
    """
    height, width = size_hw
    channels = np.moveaxis(np.asarray(image, np.float32), -1, 0)
    if image.shape[:2] != (height, width):
        resized = [Image.fromarray(channel).resize((width, height), _FILTERS[method]) for channel in channels]
        channels = np.stack([np.asarray(channel) for channel in resized])
    return np.ascontiguousarray(np.moveaxis(channels, 0, -1).clip(0.0, 255.0))
