"""Normalisation by moments over a map (instance) or over map and channels (layer)."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from animegan3_tf.common.console import tensorflow_addons


class MomentNorm:
    """Mixin for layers that normalise: y = (x - mean) / sqrt(var + epsilon) * gamma + beta.

    The moments are those of each image over `moment_axes`, taken in float32 under mixed precision.

    Input and output [N, H, W, C].

    Attributes:
        moment_axes: The axes that the moments are taken over.
        epsilon: The layer's own.
        gamma: The layer's weight [C].
        beta: The layer's weight [C].
    """

    moment_axes: tuple[int, ...] = (2, 1)
    epsilon: float
    gamma: tf.Variable
    beta: tf.Variable

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalises."""
        return self.apply(inputs, *self.statistics(inputs))

    def statistics(self, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes what depends on the whole image.

        Returns:
            The mean and one over the standard deviation, float32, [N, 1, 1, C] or, where `moment_axes` has the
            channels, [N, 1, 1, 1].
        """
        x = tf.cast(inputs, tf.float32)
        mean = self._mean(x)
        variance = self._mean(tf.square(x - mean))
        return mean, tf.math.rsqrt(variance + self.epsilon)

    def apply(self, inputs: tf.Tensor, mean: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
        """Normalises with given `statistics`."""
        scale = inverse * tf.cast(self.gamma, tf.float32)
        x = (tf.cast(inputs, tf.float32) - mean) * scale + tf.cast(self.beta, tf.float32)
        return tf.cast(x, inputs.dtype)

    def statistics_shapes(self) -> list[tuple[int, ...]]:
        """The shape of each of the `statistics` of one image."""
        return [(1, 1, 1, 1 if 3 in self.moment_axes else self.gamma.shape[0])] * 2

    def _mean(self, x: tf.Tensor) -> tf.Tensor:
        # an axis at a time: TFLite adds up one after the other, which loses digits over a whole image
        for axis in self.moment_axes:
            x = tf.reduce_mean(x, axis=axis, keepdims=True)
        return x

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        """The input's shape."""
        return input_shape


class OwnInstanceNormalization(tf.keras.layers.GroupNormalization):
    """TensorFlow Addons' layer for Pythons that it does not import on: a group for each channel, same weights."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(groups=-1, **kwargs)


_ADDONS = tensorflow_addons()
InstanceNormalization: Any = _ADDONS.layers.InstanceNormalization if _ADDONS else OwnInstanceNormalization


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class InstanceNorm(MomentNorm, InstanceNormalization):
    """Normalises each channel of each image over height and width (Ulyanov et al. 2016); gamma and beta per channel.

    The weights and the function are those of TensorFlow Addons' layer; the moments can be held fixed for tiles.

    Input and output [N, H, W, C].

    Args:
        epsilon: Added to the variance.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(epsilon=epsilon, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        del config["groups"]
        return config


EPSILON = 1e-12  # contrib's


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class LayerNorm(MomentNorm, tf.keras.layers.GroupNormalization):
    """Normalises each image over height, width and channels together (Ba et al. 2016); gamma and beta per channel.

    It is Keras' `GroupNormalization` with one group, and has its weights; Keras' `LayerNormalization` is another
    function. The moments are computed without Keras' mask of ones and its fifth axis, and can be held fixed for tiles.

    Input and output [N, H, W, C].

    Args:
        epsilon: Added to the variance.
    """

    moment_axes = (2, 1, 3)

    def __init__(self, epsilon: float = EPSILON, **kwargs: Any) -> None:
        super().__init__(groups=1, epsilon=epsilon, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        del config["groups"]
        return config
