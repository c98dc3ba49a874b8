"""Distances of feature maps, for content and region losses, and of pixels, for the identity loss."""

from __future__ import annotations

import tensorflow as tf


def feature_distance(x: tf.Tensor, y: tf.Tensor, scale: float = 1.0) -> tf.Tensor:
    """Computes the mean absolute difference of two feature maps (content loss of AnimeGAN, eq. 3, and DTGAN, eq. 7).

    Args:
        x: Float tensor [N, H, W, C].
        y: Float tensor [N, H, W, C].
        scale: Factor of the result; 1/512 for VGG19 conv4_4, whose raw features are in the hundreds.

    Returns:
        Scalar.
    """
    return scale * l1_loss(x, y)


def l1_loss(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of two tensors of one shape; a scalar. On [-1, 1] images it lies in [0, 2]."""
    return tf.reduce_mean(tf.abs(tf.cast(x, tf.float32) - tf.cast(y, tf.float32)))
