"""Gram matrices and their distance, the style loss."""

import tensorflow as tf

from animegan3_tf.losses.content import l1_loss


def gram_matrix(features):
    """Channel correlations of a feature map, the style descriptor of Gatys et al. (2016), eq. 3.

    features: float tensor [N, H, W, C], any scale; computed in float32.
    Returns [N, C, C], divided by H*W*C so that size does not change the loss.
    """
    features = tf.cast(features, tf.float32)
    shape = tf.shape(features)
    flat = tf.reshape(features, [shape[0], shape[1] * shape[2], features.shape[-1]])  # [N, H*W, C]
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(tf.reduce_prod(shape[1:]), tf.float32)


def gram_distance(x, y, scale=1.0, centre=True):
    """Mean absolute difference of the Gram matrices of two feature maps, mean-centred, times `scale` (DTGAN eq. 10).

    Centring per picture and channel leaves brightness out of the style; without `centre` it is AnimeGAN's (eq. 5).
    x, y: float [N, h, w, C], sizes may differ. scale: one over the channels for VGG19's raw features. Returns a scalar.
    """
    x, y = (gram_matrix(centred(features) if centre else features) for features in (x, y))
    return scale * l1_loss(x, y)


def centred(features):
    """Features [N, H, W, C] in float32, less their mean over H and W."""
    features = tf.cast(features, tf.float32)
    return features - tf.reduce_mean(features, axis=[1, 2], keepdims=True)
