"""Structural similarity over scales."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

LEAST_SIDE = 176  # five scales of an 11x11 window


def multi_scale_ssim(photo: np.ndarray, picture: np.ndarray) -> float | None:
    """MS-SSIM of two uint8 RGB pictures [H, W, 3] of one size: 1 where they are the same.

    TensorFlow's `ssim_multiscale` with the constants and five weights of Wang et al. (2003), mean over R, G and B.
    None under 176 pixels a side, where the fifth scale is smaller than the window.
    """
    if min(photo.shape[:2]) < LEAST_SIDE:
        return None
    return float(_similarity(photo[None], picture[None]))


@tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)] * 2)  # a graph takes half the time
def _similarity(photo, picture):
    return tf.image.ssim_multiscale(photo, picture, 255)[0]
