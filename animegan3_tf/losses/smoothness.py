"""Total variation: noise between neighbouring pixels."""

import tensorflow as tf


def total_variation(images):
    """Half the mean squared difference of vertical neighbours plus half that of horizontal ones (DTGAN eq. 14).

    images: float [N, H, W, C] in [-1, 1]. Returns a scalar.
    """
    down = images[:, 1:] - images[:, :-1]
    right = images[:, :, 1:] - images[:, :, :-1]
    return 0.5 * (tf.reduce_mean(tf.square(down)) + tf.reduce_mean(tf.square(right)))
