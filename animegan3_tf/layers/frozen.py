"""A layer with its statistics over the image held fixed, so that the tiles of one image agree."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class Frozen(tf.keras.layers.Layer):
    """Takes the statistics of one image, then applies them to others.

    Args:
        layer: The layer to wrap, with `statistics`, `apply` and `statistics_shapes`, such as `LADE`.

    Attributes:
        layer: The wrapped layer.
        recording: While true, a call takes the statistics of its input (one image) and keeps them. It is read when a
            `tf.function` is traced, so recording and applying are two functions.
    """

    def __init__(self, layer: tf.keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(name=layer.name, **kwargs)
        self.layer = layer
        self.recording = False

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates a place for each statistic."""
        self._kept = [
            self.add_weight(name=f"statistic_{i}", shape=shape, initializer="ones", trainable=False)
            for i, shape in enumerate(self.layer.statistics_shapes())
        ]
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Applies the wrapped layer with the kept statistics."""
        if self.recording:
            for kept, value in zip(self._kept, self.layer.statistics(inputs)):
                kept.assign(value)
        return self.layer.apply(inputs, *self._kept)
