"""What the objectives share: weighted distances of features, and targets that are computed while training."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.common.workers import start_worker, workers_start
from animegan3_tf.filters import guided_filter, l0_smooth
from animegan3_tf.filters.felzenszwalb import superpixels
from animegan3_tf.filters.non_local_means import nl_means
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.styles.style import FeatureSettings, PerceptualSettings, Style, TargetSettings

COLOR_LOSSES = {"yuv": losses.yuv_color_loss, "lab": losses.lab_color_loss}


def gray(images: tf.Tensor) -> tf.Tensor:
    """Returns the luma in all three channels, [N, H, W, 3] in [-1, 1]: style is learnt without colour."""
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(images))


@dataclass(frozen=True)
class FeatureTerms:
    """Distances of images, all float [N, H, W, 3] in [-1, 1], weighted as a style asks.

    Attributes:
        style: The style.
        network: The perceptual network; the style has weights for its family.
    """

    style: Style
    network: PerceptualNetwork

    @property
    def weights(self) -> PerceptualSettings:
        """The weights that an unpaired style has for the perceptual network."""
        return unpaired_weights(self.style, self.network.family)

    def constant_features(self, **images: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
        """Computes features through which no gradient flows, in one pass through the network.

        Args:
            **images: Batches of one size; the objectives document the names that they expect.

        Returns:
            {name: {tap: features [N, h, w, C]}}.
        """
        return {name: tf.nest.map_structure(tf.stop_gradient, f) for name, f in self._features(**images).items()}

    def _features(self, **images: tf.Tensor) -> dict[str, dict[str, tf.Tensor]]:
        """{name: {tap: features}} of several batches of one size, in one pass through the network."""
        joined = self.network(tf.concat(list(images.values()), axis=0))
        parts = {tap: tf.split(features, len(images), axis=0) for tap, features in joined.items()}
        return {name: {tap: parts[tap][i] for tap in parts} for i, name in enumerate(images)}

    def _content(self, x: Mapping[str, tf.Tensor], y: Mapping[str, tf.Tensor]) -> tf.Tensor:
        # the pre-training loss has no weight of its own: each of the style's content taps counts with its share
        total = sum(self.weights.content.values())
        return sum(weight / total * self._distance(tap, x, y) for tap, weight in self.weights.content.items())

    def _distance(self, tap: str, x: Mapping[str, tf.Tensor], y: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return losses.feature_distance(x[tap], y[tap], self.network.scales[tap])

    def _color(self, photo: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        loss = self.style.loss
        return loss.color[loss.color_space] * COLOR_LOSSES[loss.color_space](photo, fake)


def unpaired_weights(style: Style, family: str) -> PerceptualSettings:
    """Returns an unpaired style's loss weights for a family of perceptual networks."""
    weights = style.perceptual[family]
    assert isinstance(weights, PerceptualSettings)  # `Style` has checked it
    return weights


def paired_weights(style: Style, family: str) -> FeatureSettings:
    """Returns the loss weights of a style with objective "pairs" for a family of perceptual networks."""
    weights = style.perceptual[family]
    assert isinstance(weights, FeatureSettings)  # `Style` has checked it
    return weights


def needed_taps(weights: PerceptualSettings) -> list[str]:
    """Returns the feature maps that a style's weights refer to; the network is built only up to the deepest of them."""
    return sorted({*weights.content, *weights.style, weights.distance})


class SuperpixelPool:
    """Felzenszwalb mean colours of a batch, computed with one process per image.

    Felzenszwalb has no graph form. Its Python part holds the interpreter's lock, so threads would queue. The processes
    are started once, by spawning: forking a process that runs TensorFlow's threads may hang the child.

    Args:
        min_size: The least pixels of a segment.
        processes: The number of processes; that of the cores by default.
    """

    def __init__(self, min_size: int, processes: int | None = None) -> None:
        self.min_size = min_size
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes or os.cpu_count(), context, initializer=start_worker)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Computes the region target in the graph, without a gradient.

        Values go through 8 bits by truncation and back, as in the original code.

        Args:
            images: Float [N, H, W, 3] in [-1, 1].

        Returns:
            Float32 of the same shape and range.
        """
        levels = tf.cast((images + 1.0) * 127.5, tf.uint8)
        regions = tf.numpy_function(self._mean_colors, [levels], tf.uint8, stateful=False)
        regions.set_shape(images.shape)
        return tf.cast(regions, tf.float32) / 127.5 - 1.0

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _mean_colors(self, batch: np.ndarray) -> np.ndarray:
        # `partial` of the filter's own function, so that the workers import only its module, which needs no TensorFlow
        function = functools.partial(superpixels, min_size=self.min_size)
        with workers_start():  # the pool starts them when there is work
            results = self._pool.map(function, batch)
        return np.stack(list(results))


def guide(settings: TargetSettings, images: tf.Tensor) -> tf.Tensor:
    """Filters the support tail's images for the losses, with the guided filter on [0, 1]; differentiable.

    Args:
        settings: The style's [target].
        images: Float [N, H, W, 3] in [-1, 1].

    Returns:
        The same, clipped.
    """
    unit = tf.clip_by_value((images + 1.0) / 2.0, 0.0, 1.0)
    return _from_unit(guided_filter(unit, settings.guided_radius, settings.guided_eps))


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
    return _from_unit(l0_smooth(denoise(unit, *settings.nl_means), settings.revision_l0_lambda))


def region_l0(settings: TargetSettings, images: tf.Tensor) -> tf.Tensor:
    """Makes the region target without superpixels, by L0 smoothing.

    Args:
        settings: The style's [target].
        images: Float [N, H, W, 3] in [-1, 1].

    Returns:
        The same, clipped.
    """
    return _from_unit(l0_smooth((images + 1.0) / 2.0, settings.region_l0_lambda))


def _from_unit(images: tf.Tensor) -> tf.Tensor:
    """[0, 1] to [-1, 1], clipped."""
    return tf.clip_by_value(images * 2.0 - 1.0, -1.0, 1.0)


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
