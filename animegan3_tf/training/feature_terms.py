"""What the objectives of all generations share: a style's weights, and distances in a perceptual network."""

from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.styles import Style

COLOR_LOSSES = {"yuv": losses.yuv_color_loss, "lab": losses.lab_color_loss}


def gray(images):
    """Luma in all three channels, [N, H, W, 3] in [-1, 1]: style is learnt without colour."""
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(images))


@dataclass(frozen=True)
class FeatureTerms:
    """A style's weights and the perceptual network they are for. All pictures are float [N, H, W, 3] in [-1, 1]."""

    style: Style
    network: PerceptualNetwork

    @property
    def weights(self):
        """The style's weights for the perceptual network in use."""
        return self.style.perceptual[self.network.family]

    def constant_features(self, **pictures):
        """Features of pictures that no gradient flows to, in one pass; keys are the objective's."""
        return {name: tf.nest.map_structure(tf.stop_gradient, f) for name, f in self._features(**pictures).items()}

    def _features(self, **pictures):
        """{name: {tap: features}} of several batches of one size, in one pass through the network."""
        joined = self.network(tf.concat(list(pictures.values()), axis=0))
        parts = {tap: tf.split(features, len(pictures), axis=0) for tap, features in joined.items()}
        return {name: {tap: parts[tap][i] for tap in parts} for i, name in enumerate(pictures)}

    def _content(self, x, y):
        # the pre-training loss has no weight of its own: the style's content taps count by their share
        total = sum(self.weights.content.values())
        return sum(weight / total * self._distance(tap, x, y) for tap, weight in self.weights.content.items())

    def _distance(self, tap, x, y):
        return losses.feature_distance(x[tap], y[tap], self.network.scales[tap])

    def _color(self, photo, picture):
        loss = self.style.loss
        return loss.color[loss.color_space] * COLOR_LOSSES[loss.color_space](photo, picture)


def needed_taps(weights):
    """The feature maps a style's weights refer to, for building no more of the network."""
    return sorted({*weights.content, *weights.style, weights.distance})
