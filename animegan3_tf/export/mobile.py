"""Rebuilds the generator as a graph that phones run fast: the same function, in ops of XNNPACK and GPU delegates."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from animegan3_tf.layers import LADE, ExternalAttention, ReflectConv2D, ReflectDepthwiseConv2D
from animegan3_tf.layers.convolution import split
from animegan3_tf.layers.normalization import MomentNorm

PADDINGS = ("slices", "op")
_BLOCK = 2  # side of the square of pixels that the last convolution computes at once


def mobile_generator(
    generator: tf.keras.Model, shape: tuple[int | None, int | None] = (None, None), padding: str = "slices"
) -> tf.keras.Model:
    """Builds a twin of a deployed generator for conversion.

    docs/android.md says what each change of form gained. The twin agrees with the model up to rounding, and rounds
    less: moments are computed over rows, then over columns, since one sum over a whole map loses digits.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        shape: (H, W) of the twin's input, or (None, None) for any size.
        padding: How reflection is written. "slices" cuts the border rows and columns out and joins them on: XNNPACK
            has no MIRROR_PAD, which would split the graph between it and the interpreter. "op" is tf.pad, for runtimes
            that have it.

    Returns:
        A model with its weights as constants, [1, H, W, 3] in [-1, 1] in and out.

    Raises:
        ValueError: `padding` is not one of `PADDINGS`.
    """
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}; it must be one of {', '.join(PADDINGS)}")

    def twin(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        if isinstance(layer, ReflectConv2D):
            return _Convolution(layer, padding)
        if isinstance(layer, ReflectDepthwiseConv2D):
            return _DepthwiseConvolution(layer, padding)
        if isinstance(layer, LADE):
            return _Denormalisation(layer)
        if isinstance(layer, MomentNorm):
            return _Normalisation(layer)
        if isinstance(layer, ExternalAttention):
            return _Attention(layer)
        return layer

    photo = tf.keras.Input((*shape, 3), batch_size=1, name="photo")
    return tf.keras.models.clone_model(generator, input_tensors=photo, clone_function=twin)


class _Convolution(tf.keras.layers.Layer):
    """A `ReflectConv2D`.

    A wide kernel with three filters computes 2x2 pixels at a time, as twelve channels that DEPTH_TO_SPACE spreads:
    matrix kernels work on 8 to 32 output channels at once, and with three most of them would be idle. A 1x1 kernel
    stays as it is: in blocks it would do four times the work, mostly on zeros.
    """

    def __init__(self, layer: ReflectConv2D, padding: str):
        super().__init__(name=layer.name)
        self._sides = split(layer.kernel_size - layer.strides, layer.larger_side)
        self._strides, self._padding = layer.strides, padding
        self._kernel = layer.kernel.numpy()
        self._bias = layer.bias.numpy() if layer.use_bias else None
        self._in_blocks = layer.filters == 3 and layer.kernel_size > 1 and not layer.use_bias
        if self._in_blocks:
            self._kernel, self._strides = _block_kernel(self._kernel), _BLOCK

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [1, H, W, C] to [1, H/s, W/s, filters]."""
        x = tf.nn.conv2d(_padded(inputs, self._sides, self._padding), self._kernel, self._strides, "VALID")
        if self._in_blocks:
            return tf.nn.depth_to_space(x, _BLOCK)
        return x if self._bias is None else x + self._bias


class _DepthwiseConvolution(tf.keras.layers.Layer):
    """A `ReflectDepthwiseConv2D`."""

    def __init__(self, layer: ReflectDepthwiseConv2D, padding: str):
        super().__init__(name=layer.name)
        self._sides = split(layer.kernel.shape[0] - layer.strides, "after")
        self._strides, self._padding = [1, layer.strides, layer.strides, 1], padding
        self._kernel = layer.kernel.numpy()
        self._bias = layer.bias.numpy() if layer.use_bias else None

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [1, H, W, C] to [1, H/s, W/s, C]."""
        padded = _padded(inputs, self._sides, self._padding)
        x = tf.nn.depthwise_conv2d(padded, self._kernel, self._strides, "VALID")
        return x if self._bias is None else x + self._bias


class _Normalisation(tf.keras.layers.Layer):
    """A layer or instance normalisation, a `MomentNorm`."""

    def __init__(self, layer: tf.keras.layers.Layer):
        super().__init__(name=layer.name)
        self._gamma, self._beta, self._epsilon = layer.gamma.numpy(), layer.beta.numpy(), layer.epsilon
        self._over_channels = 3 in layer.moment_axes

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [1, H, W, C] to the same shape."""
        mean, variance = _moments(inputs, self._over_channels)
        scale = tf.math.rsqrt(variance + self._epsilon) * self._gamma
        return inputs * scale + (self._beta - mean * scale)


class _Denormalisation(tf.keras.layers.Layer):
    """A `LADE`, with its linear map as a 1x1 convolution: one more map, but no matrix product with a transpose."""

    def __init__(self, layer: LADE):
        super().__init__(name=layer.name)
        self._kernel, self._epsilon = layer.kernel.numpy(), layer.epsilon

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [1, H, W, C] to the same shape."""
        target = tf.nn.conv2d(inputs, self._kernel, 1, "VALID")
        mean, variance = _moments(inputs)
        shift, target_variance = _moments(target)
        scale = tf.math.rsqrt(variance + self._epsilon) * tf.sqrt(target_variance + self._epsilon)
        return inputs * scale + (shift - mean * scale)


class _Attention(tf.keras.layers.Layer):
    """An `ExternalAttention` in 1x1 convolutions and reductions over height and width.

    The convolutions before and after the memory are multiplied into it, and a batch norm into the latter.
    """

    def __init__(self, layer: ExternalAttention):
        super().__init__(name=layer.name)
        memory, norm = layer.kernel.numpy(), layer.norm
        self._to_memory = (layer.project_in.kernel.numpy()[0, 0] @ memory)[None, None]
        self._from_memory = (memory.T @ layer.project_out.kernel.numpy()[0, 0])[None, None]
        self._ones = np.ones([1, 1, layer.memory, 1], np.float32)
        self._epsilon = layer.epsilon
        if layer.norm_kind == "batch":
            scale = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + norm.epsilon)
            bias = norm.beta.numpy() - norm.moving_mean.numpy() * scale
            self._from_memory = self._from_memory * scale
            self._normalise = lambda answer: answer + bias
        else:
            self._normalise = _Normalisation(norm).call

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps [1, H, W, C] to the same shape."""
        logits = tf.nn.conv2d(inputs, self._to_memory, 1, "VALID")  # [1, H, W, memory]
        height, width = logits.shape[1:3]
        if height is None:
            positions = tf.cast(tf.reduce_prod(tf.shape(logits)[1:3]), tf.float32)
            peak = tf.reduce_max(logits, axis=[1, 2], keepdims=True)
        else:
            positions = float(height * width)
            peak = tf.nn.max_pool2d(logits, [height, width], 1, "VALID")  # XNNPACK has this maximum, not the other
        weights = tf.exp(logits - peak)
        # The softmax is scaled by the root of the number of positions, and the second division removes the factor
        # again: without it float16 would lose the weights (all below 6e-5) or overflow in their sum.
        root = positions**0.5
        weights /= _mean(weights) * root
        # the sum over the memory, as a convolution: a reduction over channels is slow
        weights /= self._epsilon * root + tf.nn.conv2d(weights, self._ones, 1, "VALID")
        answer = self._normalise(tf.nn.conv2d(weights, self._from_memory, 1, "VALID"))
        return tf.nn.leaky_relu(answer + inputs, 0.2)


def _mean(x: tf.Tensor, over_channels: bool = False) -> tf.Tensor:
    """Averages over width, then height: this rounds less than one long sum, and is no slower.

    Args:
        x: Float tensor [1, H, W, C].
        over_channels: Average over the channels as well.

    Returns:
        Float tensor [1, 1, 1, C], or [1, 1, 1, 1] over the channels.
    """
    mean = tf.reduce_mean(tf.reduce_mean(x, axis=2, keepdims=True), axis=1, keepdims=True)
    return tf.reduce_mean(mean, axis=3, keepdims=True) if over_channels else mean


def _moments(x: tf.Tensor, over_channels: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance; shapes and axes as in `_mean`."""
    mean = _mean(x, over_channels)
    return mean, _mean(tf.math.squared_difference(x, mean), over_channels)


def _padded(x: tf.Tensor, sides: tuple[int, int], padding: str) -> tf.Tensor:
    """x with (before, after) rows and columns reflected, in one of the forms of `PADDINGS`."""
    if padding == "slices":
        return _reflect(_reflect(x, sides, axis=1), sides, axis=2)
    return tf.pad(x, [[0, 0], sides, sides, [0, 0]], mode="REFLECT") if any(sides) else x


def _reflect(x: tf.Tensor, sides: tuple[int, int], axis: int) -> tf.Tensor:
    """Reflect padding along height (1) or width (2), never joining more than three pieces: XNNPACK takes four."""
    before, after = sides

    def line(start: int) -> tf.Tensor:
        index = [slice(None)] * 4
        index[axis] = slice(start, start + 1 or None)
        return x[tuple(index)]

    def joined(lines: list[tf.Tensor]) -> list[tf.Tensor]:
        return [tf.concat(lines, axis)] if len(lines) > 1 else lines

    first = joined([line(i) for i in range(before, 0, -1)])
    last = joined([line(-1 - i) for i in range(1, after + 1)])
    return tf.concat([*first, x, *last], axis) if first or last else x


def _block_kernel(kernel: np.ndarray) -> np.ndarray:
    """Turns a kernel [k, k, C, F] of stride 1 into one [k+1, k+1, C, 4 F] of stride 2.

    Each F channels of its output are one pixel of a 2x2 block.
    """
    side, _, channels, filters = kernel.shape
    block = np.zeros([side + _BLOCK - 1] * 2 + [channels, _BLOCK, _BLOCK, filters], kernel.dtype)
    for row in range(_BLOCK):
        for column in range(_BLOCK):
            block[row : row + side, column : column + side, :, row, column] = kernel
    return block.reshape([*block.shape[:3], -1])
