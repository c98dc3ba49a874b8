"""Perceptual distance of two pictures in the features of a network."""

from __future__ import annotations

import tensorflow as tf


def feature_map_distance(a: dict, b: dict, weights: dict | None = None) -> tf.Tensor:
    """LPIPS of Zhang et al. (2018), eq. 1, of the feature maps of two batches.

    a, b: {tap: float [N, h, w, C]} in like order. Each position's features are normalised to length 1; squared
    differences are weighted by channel, added over the channels, averaged over the positions and added over the taps.
    weights: {tap: [C]}, not negative; 1 / C each when left out, for networks without learned ones: the mean over the
        channels.
    Returns [N]. With the learned weights of the package `lpips` and its networks this is its version 0.1.
    """

    def of(tap):
        difference = tf.square(_unit(a[tap]) - _unit(b[tap]))
        weighted = tf.reduce_mean(difference, -1) if weights is None else tf.linalg.matvec(difference, weights[tap])
        return tf.reduce_mean(weighted, (1, 2))

    return tf.add_n([of(tap) for tap in a])


def _unit(features):
    return features / (tf.norm(features, axis=-1, keepdims=True) + 1e-10)
