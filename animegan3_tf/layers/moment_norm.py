"""What layer and instance normalisation share: moments of the whole picture, which tiles can be given."""

import tensorflow as tf


class MomentNorm:
    """Mixin for layers with weights `gamma` and `beta` [C] and an `epsilon`: y = (x - mean) / sqrt(var + eps) * gamma
    + beta, with moments of each picture over `moment_axes`, taken in float32 under mixed precision.

    Input and output [N, H, W, C].
    """

    moment_axes = (2, 1)

    def call(self, inputs):
        """Normalises."""
        return self.apply(inputs, *self.statistics(inputs))

    def statistics(self, inputs):
        """What the layer takes from the whole picture: mean and one over the deviation, float32, of one shape."""
        x = tf.cast(inputs, tf.float32)
        mean = self._mean(x)
        variance = self._mean(tf.square(x - mean))
        return mean, tf.math.rsqrt(variance + self.epsilon)

    def apply(self, inputs, mean, inverse):
        """The normalisation itself, with given statistics."""
        scale = inverse * tf.cast(self.gamma, tf.float32)
        x = (tf.cast(inputs, tf.float32) - mean) * scale + tf.cast(self.beta, tf.float32)
        return tf.cast(x, inputs.dtype)

    def statistics_shapes(self):
        """The shape of each of the `statistics` of one picture."""
        return [(1, 1, 1, 1 if 3 in self.moment_axes else self.gamma.shape[0])] * 2

    def _mean(self, x):
        # an axis at a time: TFLite adds up one after the other, which loses digits over a whole picture
        for axis in self.moment_axes:
            x = tf.reduce_mean(x, axis=axis, keepdims=True)
        return x

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape
