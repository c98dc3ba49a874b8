"""Rotation of an image in the graph; the only module of `data` that uses TensorFlow Addons."""

from __future__ import annotations

import warnings

import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # its end-of-life notice, known and pinned
    import tensorflow_addons as tfa


def rotate(image: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotates a float image [H, W, C] by `angle` radians, bilinearly; corners are filled by reflection."""
    return tfa.image.rotate(image, angle, interpolation="bilinear", fill_mode="reflect")
