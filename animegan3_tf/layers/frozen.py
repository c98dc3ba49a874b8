"""A layer with its statistics over the picture held fixed, so that the tiles of one picture agree."""

import tensorflow as tf


class Frozen(tf.keras.layers.Layer):
    """Wraps a layer with `statistics`, `apply` and `statistics_shapes`, such as `LADE`: takes the statistics of one
    picture, then applies them to others.

    recording: while true, a call takes the statistics of its input (one picture) and keeps them. Read when a
    `tf.function` is traced, so that recording and applying are two functions.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(name=layer.name, **kwargs)
        self.layer = layer
        self.recording = False

    def build(self, input_shape):
        """Creates a place for each statistic."""
        self._kept = [
            self.add_weight(name=f"statistic_{i}", shape=shape, initializer="ones", trainable=False)
            for i, shape in enumerate(self.layer.statistics_shapes())
        ]
        super().build(input_shape)

    def call(self, inputs):
        """The wrapped layer's function, with the kept statistics."""
        if self.recording:
            for kept, value in zip(self._kept, self.layer.statistics(inputs)):
                kept.assign(value)
        return self.layer.apply(inputs, *self._kept)
