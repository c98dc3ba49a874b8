"""Colour losses: the stylised photo keeps the photo's colours."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

# sRGB primaries, D65 white point as the original code has it; rows R, G, B
_RGB_TO_XYZ = [
    [0.412453, 0.212671, 0.019334],
    [0.357580, 0.715160, 0.119193],
    [0.180423, 0.072169, 0.950227],
]
_WHITE = [0.950470, 1.0, 1.088830]


def yuv_color_loss(photo: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Computes the distance in YUV: L1 on Y, Huber (delta 1) on U and V (AnimeGAN, eq. 7).

    Args:
        photo: Float tensor [N, H, W, 3], RGB in [-1, 1]; compared on [0, 1].
        fake: The stylised photo, as `photo`.

    Returns:
        Scalar, the sum of the three channels' means.
    """
    photo, fake = (tf.image.rgb_to_yuv((images + 1.0) / 2.0) for images in (photo, fake))
    difference = tf.abs(photo - fake)
    huber = tf.where(difference < 1.0, 0.5 * tf.square(difference), difference - 0.5)
    y, u, v = difference[..., 0], huber[..., 1], huber[..., 2]
    return tf.reduce_mean(y) + tf.reduce_mean(u) + tf.reduce_mean(v)


def lab_color_loss(photo: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Computes the distance in CIE Lab: 2·L1 of L/100 plus L1 of a/255 and b/255 (DTGAN eq. 13).

    Args:
        photo: Float tensor [N, H, W, 3], RGB in [-1, 1].
        fake: The stylised photo, as `photo`.

    Returns:
        Scalar, the weighted sum of the three channels' means.
    """
    photo, fake = (rgb_to_lab((images + 1.0) / 2.0) for images in (photo, fake))
    means = tf.reduce_mean(tf.abs(photo - fake), axis=[0, 1, 2])
    return tf.tensordot(means, tf.constant([2.0 / 100.0, 1.0 / 255.0, 1.0 / 255.0]), 1)


def rgb_to_lab(images: tf.Tensor) -> tf.Tensor:
    """Converts sRGB to CIE Lab under D65.

    The gradient is finite everywhere, at pure black too.

    Args:
        images: Float tensor [..., 3] in [0, 1].

    Returns:
        Float tensor [..., 3], L in [0, 100], a and b in about [-110, 110].
    """
    linear = _piecewise(images, 0.04045, lambda x: x / 12.92, lambda x: ((x + 0.055) / 1.055) ** 2.4)
    xyz = tf.tensordot(linear, tf.constant(_RGB_TO_XYZ), 1) / tf.constant(_WHITE)
    f = _piecewise(xyz, 0.008856, lambda x: 7.787 * x + 16.0 / 116.0, lambda x: x ** (1.0 / 3.0))
    fx, fy, fz = tf.unstack(f, axis=-1)
    return tf.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], axis=-1)


def _piecewise(
    x: tf.Tensor, threshold: float, below: Callable[[tf.Tensor], tf.Tensor], above: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    # each branch sees only arguments of its own side: a power at zero would make the gradient NaN through tf.where
    return tf.where(x > threshold, above(tf.maximum(x, threshold)), below(x))
