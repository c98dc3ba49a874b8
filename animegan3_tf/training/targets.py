"""Targets made from the generator's own pictures, in the graph, with no gradient."""

import tensorflow as tf

from animegan3_tf.filters import guided_filter, l0_smooth, nl_means
from animegan3_tf.training.superpixel_pool import SuperpixelPool


def guide(settings, images):
    """The support tail's picture as the losses see it: guided filter on [0, 1]. [-1, 1] in and out, differentiable."""
    unit = tf.clip_by_value((images + 1.0) / 2.0, 0.0, 1.0)
    filtered = guided_filter(unit, settings.guided_radius, settings.guided_eps)
    return tf.clip_by_value(filtered * 2.0 - 1.0, -1.0, 1.0)


def revision_target(settings, support, denoise=nl_means):
    """What the main tail learns to draw: the raw support picture denoised, then L0-smoothed (DTGAN section 3.4).

    support: float [N, H, W, 3] in [-1, 1]. Returns the same, clipped. denoise: `nl_means`, or a compiled form of it.
    """
    # upstream's values reach NL-means through 8 bits by truncation
    unit = tf.floor((support + 1.0) * 127.5) / 255.0
    denoised = denoise(unit, *settings.nl_means)
    return tf.clip_by_value(l0_smooth(denoised, settings.revision_l0_lambda) * 2.0 - 1.0, -1.0, 1.0)


def region_l0(settings, images):
    """L0-smoothed pictures, [-1, 1] in and out, clipped: the region target that needs no superpixels."""
    smooth = l0_smooth((images + 1.0) / 2.0, settings.region_l0_lambda)
    return tf.clip_by_value(smooth * 2.0 - 1.0, -1.0, 1.0)


def region_target(settings, processes=None):
    """The function from pictures to their region target that a style asks for, and what to call when the run ends.

    The function is None where the style has no region target.
    """
    if settings.region_target == "none":
        return None, lambda: None
    if settings.region_target == "superpixel":
        pool = SuperpixelPool(settings.superpixel_min_size, processes)
        return pool, pool.close
    return lambda images: region_l0(settings, images), lambda: None
