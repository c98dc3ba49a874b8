"""Distances of an image from a drawing of the same photo: losses for training on pairs."""

from __future__ import annotations

import tensorflow as tf

_LUMA = (0.2989, 0.587, 0.114)  # as tf.image.rgb_to_grayscale


def ink_weights(drawing: tf.Tensor, ink: float = 5.0, contrast: float = 0.3, window: int = 13) -> tf.Tensor:
    """Weighs the pixels of a drawing by how much they stand out from their surroundings: lines, eyes, highlights.

    Args:
        drawing: Float tensor [N, H, W, 3], RGB in [-1, 1].
        ink: How much more than 1 a pixel of full ink weighs.
        contrast: Difference of grey, in [-1, 1], to the mean of the surroundings that counts as full ink.
        window: Side of the surroundings in pixels, odd; beyond the image's edge nothing counts.

    Returns:
        Float tensor [N, H, W, 1] in [1, 1 + ink].
    """
    grey = tf.reduce_sum(drawing * tf.constant(_LUMA), axis=-1, keepdims=True)
    # a box is a column of rows: 26 additions a pixel in place of 169
    mean = tf.nn.avg_pool2d(tf.nn.avg_pool2d(grey, [window, 1], 1, "SAME"), [1, window], 1, "SAME")
    return 1.0 + ink * tf.clip_by_value(tf.abs(grey - mean) / contrast, 0.0, 1.0)


def neighbour_difference_loss(x: tf.Tensor, y: tf.Tensor, distances: tuple[int, ...] = (1, 2)) -> tf.Tensor:
    """Compares each pixel's differences to its neighbours below and to the right, so edges fall where the drawing's do.

    Args:
        x: Float tensor [N, H, W, C].
        y: Float tensor [N, H, W, C].
        distances: Distances of the neighbours in pixels.

    Returns:
        Scalar, the sum over distances and both directions of mean |d(x) - d(y)|.
    """
    error = x - y  # the difference of differences is that of the error
    terms = []
    for step in distances:
        terms.append(tf.reduce_mean(tf.abs(error[:, step:] - error[:, :-step])))
        terms.append(tf.reduce_mean(tf.abs(error[:, :, step:] - error[:, :, :-step])))
    return tf.add_n(terms)


def block_mean_loss(x: tf.Tensor, y: tf.Tensor, side: int = 8) -> tf.Tensor:
    """Computes the L1 distance of the means of blocks: of the colours of areas, regardless of edges.

    Args:
        x: Float tensor [N, H, W, C].
        y: Float tensor [N, H, W, C].
        side: Side of the blocks in pixels; rows and columns at the end that fill no block are left out.

    Returns:
        Scalar.
    """
    return tf.reduce_mean(tf.abs(tf.nn.avg_pool2d(x - y, side, side, "VALID")))
