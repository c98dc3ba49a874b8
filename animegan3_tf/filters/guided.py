"""The guided filter that stands between the support tail and its losses."""

import tensorflow as tf


def guided_filter(images, radius, eps):
    """Smooths what varies less than `eps` and keeps stronger edges: He et al. (2010), each channel its own guide.

    images: float tensor [N, H, W, C] in [0, 1], any H and W; computed in float32 whatever the dtype.
    radius: half width of the window, 2 radius + 1 pixels square; at the borders only pixels inside count.
    eps: variance below which a window counts as flat.
    Returns a tensor of the same shape and dtype, in [0, 1] up to rounding. Differentiable.
    """
    guide = tf.cast(images, tf.float32)
    # Both statistics in one pass, stacked as channels; the same for both coefficients.
    mean, mean_square = tf.split(_box_mean(tf.concat([guide, guide * guide], axis=-1), radius), 2, axis=-1)
    variance = mean_square - mean * mean
    slope = variance / (variance + eps)
    offset = mean - slope * mean
    slope, offset = tf.split(_box_mean(tf.concat([slope, offset], axis=-1), radius), 2, axis=-1)
    return tf.cast(slope * guide + offset, images.dtype)


def _box_mean(images, radius):
    """Mean over the part of the window that lies inside the image: [N, H, W, C] to the same.

    Average pooling with SAME padding leaves the padding out of its count, which is just that. Its gradient is the same
    pooling with the counts taken out before and put in after, which is several times faster than the pooling's own.
    """
    width = 2 * radius + 1

    def pool(x):
        return tf.nn.avg_pool2d(x, width, strides=1, padding="SAME")

    @tf.custom_gradient
    def mean(x):
        def gradient(upstream):
            inside = _inside(tf.shape(x)[1], radius)[:, None, None] * _inside(tf.shape(x)[2], radius)[:, None]
            return inside * pool(upstream / inside)

        return pool(x), gradient

    return mean(images)


def _inside(length, radius):
    """How many of a window's positions along an axis lie inside the image: float [length]."""
    position = tf.range(length)
    least, most = tf.maximum(position - radius, 0), tf.minimum(position + radius, length - 1)
    return tf.cast(most - least + 1, tf.float32)
