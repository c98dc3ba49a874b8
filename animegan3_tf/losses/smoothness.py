"""Smoothness: total variation everywhere, or only where another image is flat."""

from __future__ import annotations

import tensorflow as tf


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Computes the total variation (DTGAN eq. 14).

    Args:
        images: Float tensor [N, H, W, C] in [-1, 1].

    Returns:
        Scalar, half the mean squared difference of vertical neighbours plus half that of horizontal ones.
    """
    down, right = _steps(images)
    return 0.5 * (tf.reduce_mean(tf.square(down)) + tf.reduce_mean(tf.square(right)))


def flat_region_loss(images: tf.Tensor, guide: tf.Tensor, reach: int = 2, sharpness: float = 4.0) -> tf.Tensor:
    """Penalises differences of neighbouring pixels where the guide is flat: strokes there belong to no contour.

    It is the edge-aware smoothness of Godard et al. (2017), eq. 3, on images instead of disparities, with the guide's
    edges widened.

    Args:
        images: Float tensor [N, H, W, 3] in [-1, 1].
        guide: Float tensor [N, H, W, 3] in [-1, 1], best L0-smoothed; no gradient flows to it.
        reach: Pixels by which the guide's edges are widened, so that an ink line beside a contour costs nothing.
        sharpness: A step of 1 / sharpness in the guide leaves 1 / e of the loss.

    Returns:
        Scalar, the mean weighted absolute difference, summed over both directions.
    """
    steps = tf.reduce_mean(tf.abs(_forward_steps(images)), axis=-1)
    edges = tf.reduce_max(tf.abs(_forward_steps(tf.stop_gradient(guide))), axis=[0, -1])[..., None]
    edges = tf.nn.max_pool2d(edges, 2 * reach + 1, 1, "SAME")[..., 0]
    return tf.reduce_mean(tf.reduce_sum(steps, axis=0) * tf.exp(-sharpness * edges))


def _forward_steps(images: tf.Tensor) -> tf.Tensor:
    """Differences to the pixel below and to the one on the right, [2, N, H, W, C], 0 at the last row and column."""
    down, right = _steps(images)
    return tf.stack([tf.pad(down, [[0, 0], [0, 1], [0, 0], [0, 0]]), tf.pad(right, [[0, 0], [0, 0], [0, 1], [0, 0]])])


def _steps(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Differences to the pixel below, [N, H - 1, W, C], and to the one on the right, [N, H, W - 1, C]."""
    return images[:, 1:] - images[:, :-1], images[:, :, 1:] - images[:, :, :-1]
