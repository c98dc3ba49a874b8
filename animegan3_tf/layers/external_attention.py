"""External attention, which opens each tail of the generator."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from animegan3_tf.layers.convolution import ReflectConv2D
from animegan3_tf.layers.normalization import InstanceNorm, LayerNorm

NORM_MOMENTUM = 0.999
EPSILON = 1e-9  # added to the sum over the memory
NORM_EPSILONS = {"batch": 1e-3, "instance": 1e-5, "layer": 1e-12}
_IMAGE_NORMS = {"instance": InstanceNorm, "layer": LayerNorm}


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ExternalAttention(tf.keras.layers.Layer):
    """Attention to a learned memory shared by all images (Guo et al. 2021), in AnimeGANv3's form.

    1x1 conv; logits against the memory K [C, memory]; softmax over the H*W positions; divided by epsilon + their sum
    over the memory; times K' (the same K); 1x1 conv; normalisation; plus the input; LeakyReLU 0.2.
    The softmax and the normalisation run in float32 under mixed precision.

    Input and output [N, H, W, C].

    Args:
        memory: The size of the memory.
        norm: The normalisation: "batch", on several replicas with the moments of the whole batch; "instance", as in
            JP_face; or "layer", as in PortraitSketch.
        epsilon: Added to the sum over the memory.
        norm_epsilon: The epsilon of the normalisation, by default the one in `NORM_EPSILONS`.

    Raises:
        ValueError: `norm` is not known.
    """

    def __init__(
        self,
        memory: int = 128,
        norm: str = "batch",
        epsilon: float = EPSILON,
        norm_epsilon: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if norm not in NORM_EPSILONS:
            raise ValueError(f"norm is {norm!r}; it must be one of {', '.join(NORM_EPSILONS)}")
        self.memory = memory
        self.norm_kind = norm
        self.epsilon = epsilon
        self.norm_epsilon = NORM_EPSILONS[norm] if norm_epsilon is None else norm_epsilon

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the memory [C, memory] and the inner layers."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(channels, self.memory), initializer="glorot_uniform")
        self.project_in = ReflectConv2D(channels, 1, name="project_in", dtype=self.dtype_policy)
        self.project_out = ReflectConv2D(channels, 1, name="project_out", dtype=self.dtype_policy)
        if self.norm_kind == "batch":
            self.norm = tf.keras.layers.BatchNormalization(
                epsilon=self.norm_epsilon, momentum=NORM_MOMENTUM, synchronized=True, name="norm", dtype="float32"
            )
        else:
            self.norm = _IMAGE_NORMS[self.norm_kind](self.norm_epsilon, name="norm", dtype="float32")
        for layer in (self.project_in, self.project_out, self.norm):
            with tf.name_scope(layer.name):  # the kernels differ by it in weights files
                layer.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Attends; a batch normalisation takes batch moments while training, moving ones otherwise."""
        logits = self._logits(inputs)
        x = self._read_memory(logits, *self._normaliser(logits), inputs.dtype)
        x = self.norm(x, training=training) if self.norm_kind == "batch" else self.norm(x)
        return self._joined(inputs, x)

    def statistics(self, inputs: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Computes what depends on the whole image.

        Returns:
            The softmax's peak and sum, float32 [N, 1, 1, memory] each, and the statistics of an instance or layer
            normalisation.
        """
        logits = self._logits(inputs)
        peak, total = self._normaliser(logits)
        if self.norm_kind == "batch":
            return peak, total
        return peak, total, *self.norm.statistics(self._read_memory(logits, peak, total, inputs.dtype))

    def apply(self, inputs: tf.Tensor, peak: tf.Tensor, total: tf.Tensor, *norm_statistics: tf.Tensor) -> tf.Tensor:
        """Attends, outside training, with given `statistics`.

        Those of a reduced copy serve as well: fewer positions scale all sums alike, and the second division undoes it.
        """
        x = self._read_memory(self._logits(inputs), peak, total, inputs.dtype)
        x = self.norm.apply(x, *norm_statistics) if norm_statistics else self.norm(x, training=False)
        return self._joined(inputs, x)

    def statistics_shapes(self) -> list[tuple[int, ...]]:
        """The shape of each of the `statistics` of one image."""
        return [(1, 1, 1, self.memory)] * 2 + ([] if self.norm_kind == "batch" else self.norm.statistics_shapes())

    def _logits(self, inputs: tf.Tensor) -> tf.Tensor:
        logits = tf.einsum("nhwc,ck->nhwk", self.project_in(inputs), self.kernel)  # [N, H, W, memory]
        return tf.cast(logits, tf.float32)

    @staticmethod
    def _normaliser(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        peak = tf.reduce_max(logits, axis=[1, 2], keepdims=True)
        return peak, tf.reduce_sum(tf.exp(logits - peak), axis=[1, 2], keepdims=True)

    def _read_memory(self, logits: tf.Tensor, peak: tf.Tensor, total: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
        """Reads the memory by the softmax of the logits and projects the result, which is not normalised yet."""
        weights = tf.exp(logits - peak) / total
        weights /= self.epsilon + tf.reduce_sum(weights, axis=3, keepdims=True)
        return self.project_out(tf.einsum("nhwk,ck->nhwc", tf.cast(weights, dtype), self.kernel))

    @staticmethod
    def _joined(inputs: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.leaky_relu(tf.cast(x, inputs.dtype) + inputs, 0.2)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "memory": self.memory,
            "norm": self.norm_kind,
            "epsilon": self.epsilon,
            "norm_epsilon": self.norm_epsilon,
        }
