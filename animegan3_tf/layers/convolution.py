"""Convolutions that pad by reflection or with zeros, as the reference implementations do."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

LARGER_SIDES = ("before", "after")


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ReflectConv2D(tf.keras.layers.Layer):
    """REFLECT padding, then a VALID convolution.

    The total padding is `kernel_size - strides`.

    Input  [N, H, W, C], H and W larger than the padding.
    Output [N, ceil(H/s), ceil(W/s), filters] for H and W that are multiples of the stride s.

    Args:
        filters: Output channels.
        kernel_size: Side of the kernel, at least `strides`.
        strides: Step in both directions.
        kernel_initializer: As Keras takes it.
        larger_side: Where the larger half of an odd padding goes. With "before", the top and left, a 3x3 kernel with
            stride 2 pads the top and left only, as AnimeGANv3's generator does. "after", the bottom and right, is
            AnimeGAN's and AnimeGANv2's.
        use_bias: Whether a bias is added.

    Raises:
        ValueError: The kernel is smaller than the stride, or `larger_side` is not known.
    """

    padding = "REFLECT"  # a mode of `tf.pad`

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        strides: int = 1,
        kernel_initializer: str | tf.keras.initializers.Initializer = "glorot_uniform",
        larger_side: str = "before",
        use_bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kernel_size < strides:
            raise ValueError(f"kernel_size {kernel_size} is smaller than strides {strides}: pixels would be skipped")
        if larger_side not in LARGER_SIDES:
            raise ValueError(f"larger_side is {larger_side!r}; it must be one of {', '.join(LARGER_SIDES)}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)
        self.larger_side = larger_side
        self.use_bias = use_bias

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the kernel [k, k, C, filters] and, with `use_bias`, the bias [filters]."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, kernel: tf.Tensor | None = None) -> tf.Tensor:
        """Convolves; `kernel` replaces the layer's own one (spectral normalisation passes its scaled copy)."""
        inputs = pad(inputs, self.kernel_size - self.strides, self.larger_side, self.padding)
        x = tf.nn.conv2d(inputs, self.kernel if kernel is None else kernel, self.strides, "VALID")
        return tf.nn.bias_add(x, self.bias) if self.use_bias else x

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tuple[int | None, ...]:
        """[N, H, W, C] -> [N, H/s, W/s, filters], unknown sizes staying unknown."""
        batch, height, width, _ = input_shape
        rows, columns = (None if size is None else -(-size // self.strides) for size in (height, width))
        return (batch, rows, columns, self.filters)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": tf.keras.initializers.serialize(self.kernel_initializer),
            "larger_side": self.larger_side,
            "use_bias": self.use_bias,
        }


def pad(images: tf.Tensor, total: int, larger_side: str = "before", mode: str = "REFLECT") -> tf.Tensor:
    """Pads images with `total` rows and columns.

    Args:
        images: Tensor [N, H, W, C].
        total: Rows and columns to add, split evenly between both sides.
        larger_side: The side that gets one more when `total` is odd, "before" or "after".
        mode: As for `tf.pad`.

    Returns:
        Tensor [N, H + total, W + total, C].
    """
    if not total:
        return images
    sides = split(total, larger_side)
    return tf.pad(images, [[0, 0], sides, sides, [0, 0]], mode=mode)


def split(total: int, larger_side: str = "before") -> tuple[int, int]:
    """Splits `total` rows or columns into (before, after)."""
    larger, smaller = total - total // 2, total // 2
    return (larger, smaller) if larger_side == "before" else (smaller, larger)


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


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ZeroConv2D(ReflectConv2D):
    """A `ReflectConv2D` whose padding is zeros."""

    padding = "CONSTANT"
