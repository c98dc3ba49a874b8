"""Distances of feature maps: as they are, and by their Gram matrices."""

from __future__ import annotations

import tensorflow as tf


def feature_distance(x: tf.Tensor, y: tf.Tensor, scale: float = 1.0, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Computes the mean absolute difference of two feature maps (content loss of AnimeGAN, eq. 3, and DTGAN, eq. 7).

    Args:
        x: Float tensor [N, H, W, C].
        y: Float tensor [N, H, W, C].
        scale: Factor of the result; 1/512 for VGG19 conv4_4, whose raw features are in the hundreds.
        weights: Float tensor [N, H, W, 1], factors of the differences at each place; None for 1 everywhere.

    Returns:
        Scalar.
    """
    return scale * l1_loss(x, y, weights)


def l1_loss(x: tf.Tensor, y: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Computes the mean absolute difference of two tensors of one shape; on [-1, 1] images it lies in [0, 2].

    Args:
        x: Float tensor of any shape.
        y: Float tensor of the same shape.
        weights: Factors of the differences, which broadcast to that shape; their sum is not divided out.

    Returns:
        Scalar.
    """
    distance = tf.abs(tf.cast(x, tf.float32) - tf.cast(y, tf.float32))
    return tf.reduce_mean(distance if weights is None else weights * distance)


def gram_matrix(features: tf.Tensor) -> tf.Tensor:
    """Computes the channel correlations of a feature map (Gatys et al. 2016, eq. 3).

    Args:
        features: Float tensor [N, H, W, C], any scale.

    Returns:
        float32 tensor [N, C, C], divided by H*W*C so that size does not change the loss.
    """
    features = tf.cast(features, tf.float32)
    shape = tf.shape(features)
    flat = tf.reshape(features, [shape[0], shape[1] * shape[2], features.shape[-1]])  # [N, H*W, C]
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(tf.reduce_prod(shape[1:]), tf.float32)


def gram_distance(x: tf.Tensor, y: tf.Tensor, scale: float = 1.0, centre: bool = True) -> tf.Tensor:
    """Computes the mean absolute difference of the Gram matrices of two feature maps (DTGAN eq. 10).

    Args:
        x: Float tensor [N, h, w, C].
        y: Float tensor [N, h, w, C], whose height and width may differ from x's.
        scale: Factor of the result; one over the channels for VGG19's raw features.
        centre: Subtracts the mean of each image and channel, which leaves brightness out of the style. Without it the
            loss is AnimeGAN's (eq. 5).

    Returns:
        Scalar.
    """
    x, y = (gram_matrix(centred(features) if centre else features) for features in (x, y))
    return scale * l1_loss(x, y)


def centred(features: tf.Tensor) -> tf.Tensor:
    """Features [N, H, W, C] in float32, minus their mean over H and W."""
    features = tf.cast(features, tf.float32)
    return features - tf.reduce_mean(features, axis=[1, 2], keepdims=True)
