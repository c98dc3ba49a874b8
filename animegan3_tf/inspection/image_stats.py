"""Statistics of one image, taken from a reduced copy."""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np

from animegan3_tf.data.colors import SIDE, histograms
from animegan3_tf.data.difference_hash import difference_hash
from animegan3_tf.images import DEFAULT_MAX_PIXELS, thumbnail

_GREY = 2.0  # levels: below this mean of (greatest - least channel), no colour is visible
_DARK, _STEP = 20, 12  # levels: rows of a bar are darker than _DARK, and brightness rises by _STEP at its edge
_LEAST_BAR = 0.03  # share of the side, at each end


@dataclass(frozen=True)
class ImageStats:
    """Statistics of one image.

    Attributes:
        width: Pixels of the upright image at full size.
        height: Pixels of the upright image at full size.
        bytes: Size of the file.
        format: The file's format in Pillow's words, such as "JPEG".
        mode: The file's colour mode in Pillow's words, such as "CMYK".
        frames: More than 1 in an animation.
        histograms: See `colors.histograms`.
        grey: Whether the image has no visible colour.
        bars: The share of the area that dark bars cover, 0 to 1.
        hash: See `difference_hash`.
    """

    width: int
    height: int
    bytes: int
    format: str
    mode: str
    frames: int
    histograms: np.ndarray
    grey: bool
    bars: float
    hash: int


def image_stats(path: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageStats:
    """Measures an image on a copy of about 128 pixels a side.

    Raises:
        ImageError: As `read_image` does.
    """
    seen = thumbnail(path, SIDE, max_pixels)
    return ImageStats(
        width=seen.width,
        height=seen.height,
        bytes=seen.bytes,
        format=seen.format,
        mode=seen.mode,
        frames=seen.frames,
        histograms=histograms(seen.rgb),
        grey=bool(np.ptp(seen.rgb, axis=-1).mean() < _GREY),
        bars=letterbox(seen.rgb),
        hash=difference_hash(seen.rgb),
    )


def letterbox(rgb: np.ndarray) -> float:
    """The share of a uint8 image [H, W, 3] under dark bars at top and bottom or at left and right; 0.0 without bars."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return max(_bars(grey), _bars(grey.T))


def _bars(grey: np.ndarray) -> float:
    """The share of rows under bars. A night sky is dark too, but has no sharp edge at both ends."""
    means, highs = grey.mean(axis=1), np.percentile(grey, 98, axis=1)
    dark, length = (means < _DARK) & (highs < 2 * _DARK), len(means)
    if dark.all():
        return 0.0
    top, bottom = int(np.argmin(dark)), int(np.argmin(dark[::-1]))
    if min(top, bottom) < max(1, _LEAST_BAR * length):
        return 0.0
    steps = means[top] - means[top - 1], means[length - bottom - 1] - means[length - bottom]
    return (top + bottom) / length if min(steps) >= _STEP else 0.0
