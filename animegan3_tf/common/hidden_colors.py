"""Fills what is invisible in an image from what is visible, for networks, which see colours and no transparency."""

from __future__ import annotations

import cv2
import numpy as np

_SURE = 16  # alpha from which a colour counts as it is; below, it shows too little to say anything, and is often noise
_BLOCK = 4  # pixels of a side for one of the fill, which is smooth
_ROWS = 256  # converted at a time, a multiple of _BLOCK; this bounds memory
_NEUTRAL = 128.0  # where nothing is visible


def fill_hidden(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Replaces the colours behind transparency, smoothly, by those of the visible pixels around.

    A pyramid of means weighted by alpha is built, and each level passes its colours on to where the one below it has
    none (the pull-push interpolation of Gortler et al., "The Lumigraph", 1996).

    Args:
        rgb: uint8 [H, W, 3].
        alpha: uint8 [H, W].

    Returns:
        uint8 [H, W, 3]: `rgb` where alpha is 16 or more, a mixture below, the fill where alpha is 0. The colours at
        alpha 0 change nothing. `rgb` itself where no alpha is below 16.
    """
    if alpha.min(initial=255) >= _SURE:
        return rgb
    filled = np.rint(_spread(*_means(rgb, alpha))).astype(np.uint8)
    filled = cv2.resize(filled, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    for top in range(0, len(rgb), _ROWS):
        rows = slice(top, top + _ROWS)
        own = np.minimum(alpha[rows].astype(np.float32) / _SURE, 1)
        filled[rows] = cv2.blendLinear(rgb[rows], filled[rows], own, 1 - own)
    return filled


def _means(rgb: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each block's sum of colours times alpha, and its sum of alpha, both over the block's area; alpha in 0..1."""
    columns = -(-rgb.shape[1] // _BLOCK)
    colours, weights = [], []
    for top in range(0, len(rgb), _ROWS):
        weight = alpha[top : top + _ROWS].astype(np.float32) / 255
        size = columns, -(-len(weight) // _BLOCK)
        visible = cv2.multiply(rgb[top : top + _ROWS], cv2.merge([weight] * 3), dtype=cv2.CV_32F)
        colours.append(cv2.resize(visible, size, interpolation=cv2.INTER_AREA))
        weights.append(cv2.resize(weight, size, interpolation=cv2.INTER_AREA))
    return np.concatenate(colours), np.concatenate(weights)[..., None]


def _spread(colours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The colour of each block, where it has little weight from the blocks around; float32 [h, w, 3] in 0..255."""
    height, width = weights.shape[:2]
    own = np.where(weights > 0, colours / np.maximum(weights, np.float32(1e-12)), np.float32(_NEUTRAL))
    if height == width == 1:
        return own
    size = -(-width // 2), -(-height // 2)
    coarse = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (colours, weights)]
    around = cv2.resize(_spread(coarse[0], coarse[1][..., None]), (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.minimum(weights * _BLOCK, 1)
    return around + share * (own - around)
