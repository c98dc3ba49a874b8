"""External attention, which opens each tail of the generator."""

import tensorflow as tf

from animegan3_tf.layers.reflect_conv import ReflectConv2D

NORM_MOMENTUM = 0.999


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ExternalAttention(tf.keras.layers.Layer):
    """Attention to a learned memory shared by all pictures (Guo et al. 2021), in AnimeGANv3's form.

    1x1 conv; logits against the memory K [C, memory]; softmax over the H*W positions; divided by 1e-9 + their sum over
    the memory; times K' (the same K); 1x1 conv; batch normalisation; plus the input; LeakyReLU 0.2.
    The softmax and the normalisation run in float32 under mixed precision. On several replicas the normalisation takes
    the moments of the whole batch.

    Input and output [N, H, W, C].
    """

    def __init__(self, memory=128, **kwargs):
        super().__init__(**kwargs)
        self.memory = memory

    def build(self, input_shape):
        """Creates the memory [C, memory] and the inner layers."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(channels, self.memory), initializer="glorot_uniform")
        self.project_in = ReflectConv2D(channels, 1, name="project_in", dtype=self.dtype_policy)
        self.project_out = ReflectConv2D(channels, 1, name="project_out", dtype=self.dtype_policy)
        self.norm = tf.keras.layers.BatchNormalization(
            epsilon=1e-3, momentum=NORM_MOMENTUM, synchronized=True, name="norm", dtype="float32"
        )
        for layer in (self.project_in, self.project_out, self.norm):
            with tf.name_scope(layer.name):  # weights files tell the kernels apart by it
                layer.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        """Attends; batch moments while training, moving ones otherwise."""
        logits = self._logits(inputs)
        return self._attend(inputs, logits, *self._normaliser(logits), training)

    def statistics(self, inputs):
        """What the layer takes from the whole picture: the softmax's peak and sum, float32 [N, 1, 1, memory] each."""
        return self._normaliser(self._logits(inputs))

    def apply(self, inputs, peak, total):
        """The attention itself, outside training, with given statistics.

        Those of a reduced copy serve as well: fewer positions scale all sums alike, and the second division undoes it.
        """
        return self._attend(inputs, self._logits(inputs), peak, total, training=False)

    def statistics_shapes(self):
        """The shape of each of the `statistics` of one picture."""
        return [(1, 1, 1, self.memory)] * 2

    def _logits(self, inputs):
        logits = tf.einsum("nhwc,ck->nhwk", self.project_in(inputs), self.kernel)  # [N, H, W, memory]
        return tf.cast(logits, tf.float32)

    @staticmethod
    def _normaliser(logits):
        peak = tf.reduce_max(logits, axis=[1, 2], keepdims=True)
        return peak, tf.reduce_sum(tf.exp(logits - peak), axis=[1, 2], keepdims=True)

    def _attend(self, inputs, logits, peak, total, training):
        weights = tf.exp(logits - peak) / total
        weights /= 1e-9 + tf.reduce_sum(weights, axis=3, keepdims=True)
        x = tf.einsum("nhwk,ck->nhwc", tf.cast(weights, inputs.dtype), self.kernel)
        x = tf.cast(self.norm(self.project_out(x), training=training), inputs.dtype)
        return tf.nn.leaky_relu(x + inputs, 0.2)

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "memory": self.memory}
