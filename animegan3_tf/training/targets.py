"""Targets made from the generator's own images, in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf.filters import guided_filter, l0_smooth
from animegan3_tf.filters.nl_means import nl_means
from animegan3_tf.training.superpixel_pool import SuperpixelPool

if TYPE_CHECKING:
    from animegan3_tf.styles.style import TargetSettings


def guide(settings: TargetSettings, images: tf.Tensor) -> tf.Tensor:
    """Filters the support tail's images for the losses, with the guided filter on [0, 1]; differentiable.

    Args:
        settings: The style's [target].
        images: Float [N, H, W, 3] in [-1, 1].

    Returns:
        The same, clipped.
    """
    unit = tf.clip_by_value((images + 1.0) / 2.0, 0.0, 1.0)
    filtered = guided_filter(unit, settings.guided_radius, settings.guided_eps)
    return tf.clip_by_value(filtered * 2.0 - 1.0, -1.0, 1.0)


def revision_target(
    settings: TargetSettings, support: tf.Tensor, denoise: Callable[..., tf.Tensor] = nl_means
) -> tf.Tensor:
    """Makes the main tail's target: the unfiltered support image denoised, then L0-smoothed (DTGAN section 3.4).

    Args:
        settings: The style's [target].
        support: Float [N, H, W, 3] in [-1, 1].
        denoise: `nl_means`, or a compiled form of it.

    Returns:
        The same, clipped.
    """
    # in the original code, values reach NL-means through 8 bits by truncation
    unit = tf.floor((support + 1.0) * 127.5) / 255.0
    denoised = denoise(unit, *settings.nl_means)
    return tf.clip_by_value(l0_smooth(denoised, settings.revision_l0_lambda) * 2.0 - 1.0, -1.0, 1.0)


def region_l0(settings: TargetSettings, images: tf.Tensor) -> tf.Tensor:
    """Makes the region target without superpixels, by L0 smoothing.

    Args:
        settings: The style's [target].
        images: Float [N, H, W, 3] in [-1, 1].

    Returns:
        The same, clipped.
    """
    smooth = l0_smooth((images + 1.0) / 2.0, settings.region_l0_lambda)
    return tf.clip_by_value(smooth * 2.0 - 1.0, -1.0, 1.0)


def region_target(
    settings: TargetSettings, processes: int | None = None
) -> tuple[Callable[[tf.Tensor], tf.Tensor] | None, Callable[[], None]]:
    """Builds the region target that a style asks for.

    Args:
        settings: The style's [target].
        processes: The number of processes for superpixels; that of the cores by default.

    Returns:
        The function from images to their region targets, both float [N, H, W, 3] in [-1, 1], or None where the style
        has no region target; and a function to call at the end of the run.
    """
    if settings.region_target == "none":
        return None, lambda: None
    if settings.region_target == "superpixel":
        pool = SuperpixelPool(settings.superpixel_min_size, processes)
        return pool, pool.close
    return lambda images: region_l0(settings, images), lambda: None
