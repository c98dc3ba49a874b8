"""Depthwise convolution with reflection padding, for AnimeGAN's and AnimeGANv2's inverted residuals."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from animegan3_tf.layers.reflect_conv import pad


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ReflectDepthwiseConv2D(tf.keras.layers.Layer):
    """REFLECT padding, then a VALID 3x3 convolution of each channel by itself.

    With stride 2 the padding goes to the bottom and right only.

    Input  [N, H, W, C], H and W of at least 2 pixels.
    Output [N, ceil(H/s), ceil(W/s), C] for H and W that are multiples of the stride s.

    Args:
        strides: Step in both directions, 1 or 2.
        use_bias: Whether a bias is added.
        kernel_initializer: As Keras takes it.
    """

    def __init__(
        self,
        strides: int = 1,
        use_bias: bool = False,
        kernel_initializer: str | tf.keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.strides = strides
        self.use_bias = use_bias
        self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the kernel [3, 3, C, 1] and, with `use_bias`, the bias [C]."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(3, 3, channels, 1), initializer=self.kernel_initializer)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(channels,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Convolves."""
        strides = [1, self.strides, self.strides, 1]
        x = tf.nn.depthwise_conv2d(pad(inputs, 3 - self.strides, "after"), self.kernel, strides, "VALID")
        return tf.nn.bias_add(x, self.bias) if self.use_bias else x

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tuple[int | None, ...]:
        """[N, H, W, C] -> [N, H/s, W/s, C], unknown sizes staying unknown."""
        batch, height, width, channels = input_shape
        return (batch, *(None if size is None else -(-size // self.strides) for size in (height, width)), channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "strides": self.strides,
            "use_bias": self.use_bias,
            "kernel_initializer": tf.keras.initializers.serialize(self.kernel_initializer),
        }
