"""The perceptual distance of two images in the features of a network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf


def feature_map_distance(
    a: Mapping[str, tf.Tensor], b: Mapping[str, tf.Tensor], weights: Mapping[str, np.ndarray] | None = None
) -> tf.Tensor:
    """Computes LPIPS (Zhang et al. 2018, eq. 1) from the feature maps of two batches.

    Each position's features are normalised to length 1. Squared differences are weighted by channel, added over the
    channels, averaged over the positions and added over the taps. With the networks and learned weights of the package
    `lpips`, this is its version 0.1.

    Args:
        a: {tap: float [N, h, w, C]}.
        b: The same taps and shapes.
        weights: {tap: [C]}, not negative. Without them every channel has weight 1 / C, for networks without learned
            weights.

    Returns:
        [N], 0 or more.
    """

    def at(tap: str) -> tf.Tensor:
        difference = tf.square(_unit(a[tap]) - _unit(b[tap]))
        weighted = tf.reduce_mean(difference, -1) if weights is None else tf.linalg.matvec(difference, weights[tap])
        return tf.reduce_mean(weighted, (1, 2))

    return tf.add_n([at(tap) for tap in a])


def _unit(features: tf.Tensor) -> tf.Tensor:
    return features / (tf.norm(features, axis=-1, keepdims=True) + 1e-10)
