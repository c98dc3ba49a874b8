"""The averaged generator, which is the one that draws better pictures and is deployed."""

import tensorflow as tf

from animegan3_tf.layers.external_attention import NORM_MOMENTUM
from animegan3_tf.networks.weights import named_weights, weight_name


class GeneratorAverage:
    """Exponential moving average of a generator's weights in a second generator of the same structure.

    decay: per step; early on less, (1 + step) / (10 + step), so that a short run is not an average with its start.
    momentum: of the generator's batch norms. Their moving moments start at 0 and 1 and would need thousands of steps
        to forget that; here the start is taken out again, as Adam does with its moments, so that a deployed generator
        of any age normalises as it was trained to.
    """

    def __init__(self, generator, average, decay, momentum=NORM_MOMENTUM):
        self.decay, self.momentum = decay, momentum
        average.trainable = False
        sources = named_weights(generator)
        pairs = [(sources[name], weight) for name, weight in named_weights(average).items()]
        self._moments = [(s, w) for s, w in pairs if weight_name(w).endswith(("moving_mean", "moving_variance"))]
        moments = {id(w) for _, w in self._moments}
        self._weights = [(s, w) for s, w in pairs if id(w) not in moments]
        for source, weight in pairs:
            weight.assign(source)

    def update(self, step):
        """Takes in the generator after its training step number `step` (from 0, an integer tensor), in the graph."""
        count = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for source, weight in self._weights:
            weight.assign(decay * weight + (1.0 - decay) * source)
        start = tf.pow(self.momentum, count + 1.0)  # what is left of the moments' initial values
        for source, weight in self._moments:
            initial = 1.0 if weight_name(weight).endswith("moving_variance") else 0.0
            weight.assign((source - start * initial) / (1.0 - start))
