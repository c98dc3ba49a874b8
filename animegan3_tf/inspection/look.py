"""What a reduced copy of one picture tells."""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np

from animegan3_tf.data.colors import SIDE, histograms
from animegan3_tf.data.difference_hash import difference_hash
from animegan3_tf.images import DEFAULT_MAX_PIXELS, thumbnail

_GREY = 2.0  # mean of the greatest less the least channel, in levels: below it no colour is seen
_DARK, _STEP = 20, 12  # a bar's rows are darker than the one, and end at a step of the other
_LEAST_BAR = 0.03  # of the side, on both ends


@dataclass(frozen=True)
class Look:
    """One picture. histograms: see `colors.histograms`. bars: the share of its area that dark bars take."""

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


def look(path: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS) -> Look:
    """Reads a picture at about 128 pixels a side; raises `ImageError` as `read_image` does."""
    seen = thumbnail(path, SIDE, max_pixels)
    return Look(
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
    """The share of a uint8 picture [H, W, 3] under dark bars at top and bottom or left and right; 0.0 without."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return max(_bars(grey), _bars(grey.T))


def _bars(grey):
    """Of the rows; a night sky is dark too, but does not end in a straight step at both ends."""
    means, highs = grey.mean(axis=1), np.percentile(grey, 98, axis=1)
    dark, length = (means < _DARK) & (highs < 2 * _DARK), len(means)
    if dark.all():
        return 0.0
    top, bottom = int(np.argmin(dark)), int(np.argmin(dark[::-1]))
    if min(top, bottom) < max(1, _LEAST_BAR * length):
        return 0.0
    steps = means[top] - means[top - 1], means[length - bottom - 1] - means[length - bottom]
    return (top + bottom) / length if min(steps) >= _STEP else 0.0
