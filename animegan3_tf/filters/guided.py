"""The guided filter between the support tail and its losses."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def guided_filter(images: tf.Tensor, radius: int, eps: float) -> tf.Tensor:
    """Smooths small variations and keeps stronger edges (He et al. 2010), with each channel as its own guide.

    Differentiable.

    Args:
        images: Float tensor [N, H, W, C] in [0, 1], any H and W; computed in float32 whatever the dtype.
        radius: Half width of the square window of 2 radius + 1 pixels; at the borders only pixels inside count.
        eps: Variance below which a window counts as flat.

    Returns:
        Tensor of the same shape and dtype, in [0, 1] up to rounding.
    """
    guide = tf.cast(images, tf.float32)
    # Both statistics in one pass, stacked as channels; the same for both coefficients.
    mean, mean_square = tf.split(_box_mean(tf.concat([guide, guide * guide], axis=-1), radius), 2, axis=-1)
    variance = mean_square - mean * mean
    slope = variance / (variance + eps)
    offset = mean - slope * mean
    slope, offset = tf.split(_box_mean(tf.concat([slope, offset], axis=-1), radius), 2, axis=-1)
    return tf.cast(slope * guide + offset, images.dtype)


def _box_mean(images: tf.Tensor, radius: int) -> tf.Tensor:
    """Computes the mean over the part of the window that lies inside the image: [N, H, W, C] to the same.

    Average pooling with SAME padding does that: it leaves the padding out of its count. Its gradient is written as the
    same pooling, with the counts divided out before and multiplied in after, which is several times faster than
    TensorFlow's own.
    """
    width = 2 * radius + 1

    def pool(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.avg_pool2d(x, width, strides=1, padding="SAME")

    @tf.custom_gradient
    def mean(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            inside = _inside(tf.shape(x)[1], radius)[:, None, None] * _inside(tf.shape(x)[2], radius)[:, None]
            return inside * pool(upstream / inside)

        return pool(x), gradient

    return mean(images)


def _inside(length: tf.Tensor, radius: int) -> tf.Tensor:
    """Counts the window's positions along an axis that lie inside the image: float [length]."""
    position = tf.range(length)
    least, most = tf.maximum(position - radius, 0), tf.minimum(position + radius, length - 1)
    return tf.cast(most - least + 1, tf.float32)
