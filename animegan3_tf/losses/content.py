"""Content and region losses are distances of feature maps; identity is one of pixels."""

import tensorflow as tf


def feature_distance(x, y, scale=1.0):
    """Mean absolute difference of two feature maps times `scale`, content loss of AnimeGAN (eq. 3) and DTGAN (eq. 7).

    x, y: float [N, H, W, C]. scale: 1/512 for VGG19 conv4_4, whose raw features are in the hundreds.
    Returns a scalar.
    """
    return scale * l1_loss(x, y)


def l1_loss(x, y):
    """Mean absolute difference of two tensors of one shape; a scalar. On [-1, 1] pictures it lies in [0, 2]."""
    return tf.reduce_mean(tf.abs(tf.cast(x, tf.float32) - tf.cast(y, tf.float32)))
