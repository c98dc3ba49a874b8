"""Structural similarity over several scales."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

LEAST_SIDE = 176  # pixels: room for an 11x11 window at the fifth scale


def multi_scale_ssim(photo: np.ndarray, image: np.ndarray) -> float | None:
    """Computes MS-SSIM with the constants and five weights of Wang et al. (2003), as TensorFlow's `ssim_multiscale`.

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.

    Returns:
        The mean over R, G and B, 1 for equal images; None below 176 pixels a side, where the fifth scale is smaller
        than the window.
    """
    if min(photo.shape[:2]) < LEAST_SIDE:
        return None
    return float(_similarity(photo[None], image[None]))


@tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)] * 2)  # a graph takes half the time
def _similarity(photo: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return tf.image.ssim_multiscale(photo, image, 255)[0]
