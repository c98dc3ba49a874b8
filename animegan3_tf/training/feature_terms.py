"""Parts that the objectives of all generations share: a style's weights, and distances in a perceptual network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.styles import Style
from animegan3_tf.styles.style import FeatureSettings, PerceptualSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

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
