"""The averaged generator, which draws better images than the trained one and is deployed."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf.layers.external_attention import NORM_MOMENTUM
from animegan3_tf.networks.weights import named_weights, weight_name


class GeneratorAverage:
    """Exponential moving average of a generator's weights in a second generator of the same structure.

    The moving moments of the generator's batch norms start at 0 and 1 and would keep a trace of that for thousands of
    steps. The average removes it, as Adam corrects the bias of its moments, so that a deployed generator of any age
    normalises as it was trained to.

    Args:
        generator: The trained generator.
        average: The generator that holds the average; it is set to the weights of `generator`.
        decay: Decay per step. Early steps use less, (1 + step) / (10 + step), so that the initial weights do not
            dominate the average of a short run.
        momentum: The momentum per step of the generator's batch norms.
    """

    def __init__(
        self, generator: tf.keras.Model, average: tf.keras.Model, decay: float, momentum: float = NORM_MOMENTUM
    ) -> None:
        self.decay, self.momentum = decay, momentum
        average.trainable = False
        sources = named_weights(generator)
        pairs = [(sources[name], weight) for name, weight in named_weights(average).items()]
        self._moments = [(s, w) for s, w in pairs if weight_name(w).endswith(("moving_mean", "moving_variance"))]
        moments = {id(w) for _, w in self._moments}
        self._weights = [(s, w) for s, w in pairs if id(w) not in moments]
        for source, weight in pairs:
            weight.assign(source)

    def update(self, step: tf.Tensor | tf.Variable) -> None:
        """Adds the generator's present weights to the average, in the graph.

        Args:
            step: Integer scalar, the number of the training step just done, from 0.
        """
        count = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for source, weight in self._weights:
            weight.assign(decay * weight + (1.0 - decay) * source)
        start = tf.pow(self.momentum, count + 1.0)  # what is left of the moments' initial values
        for source, weight in self._moments:
            initial = 1.0 if weight_name(weight).endswith("moving_variance") else 0.0
            weight.assign((source - start * initial) / (1.0 - start))
