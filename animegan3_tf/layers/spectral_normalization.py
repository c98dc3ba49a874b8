"""Spectral normalisation of the discriminators' kernels; the only module that knows TensorFlow Addons' wrapper."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from animegan3_tf.common.console import tensorflow_addons


class OwnWrapper(tf.keras.layers.Wrapper):
    """What is used here of TensorFlow Addons' wrapper, for Pythons that it does not import on: same state and options.

    Args:
        layer: The layer to wrap, with a `kernel`.
        power_iterations: Power iterations for each advance of `u`.
    """

    def __init__(self, layer: tf.keras.layers.Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = power_iterations

    @property
    def w(self) -> tf.Variable:
        """The wrapped layer's kernel."""
        return self.layer.kernel

    @property
    def w_shape(self) -> list[int]:
        """The kernel's shape."""
        return list(self.w.shape)

    def build(self, input_shape: Any) -> None:
        """Builds the wrapped layer and creates `u`, float [1, C], of its kernel [..., C]."""
        super().build(input_shape)
        if hasattr(self.w, "_path"):  # Keras 3 adds the wrapped layer's name, which Addons' wrapper does not have
            self.w._path = f"{self.path}/{self.w.name}"
        normal = tf.keras.initializers.TruncatedNormal(stddev=0.02)
        self.u = self.add_weight(
            shape=(1, self.w_shape[-1]), initializer=normal, trainable=False, name="sn_u", dtype=self.w.dtype
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The wrapped layer's."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


class Normalised:
    """The forward pass of `SpectralNormalization`, for a wrapper with `layer`, `w`, `w_shape`, `u`."""

    layer: tf.keras.layers.Layer
    w: tf.Variable
    w_shape: list[int]
    u: tf.Variable
    power_iterations: int

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Runs the wrapped layer with the normalised kernel."""
        kernel = tf.cast(self.w, tf.float32)
        matrix = tf.reshape(kernel, [-1, self.w_shape[-1]])
        u, v = self._iterated(matrix)
        if training:
            self.u.assign(tf.cast(u, self.u.dtype))
        sigma = tf.matmul(tf.matmul(v, matrix), u, transpose_b=True)[0, 0]
        return self.layer(inputs, kernel=tf.cast(kernel / sigma, inputs.dtype))

    def advance(self) -> None:
        """Advances `u` by one power iteration, as a call with `training=True` does, for steps with several calls."""
        u, _ = self._iterated(tf.reshape(tf.cast(self.w, tf.float32), [-1, self.w_shape[-1]]))
        self.u.assign(tf.cast(u, self.u.dtype))

    def _iterated(self, matrix: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        u = tf.cast(self.u, tf.float32)
        for _ in range(self.power_iterations):
            v = tf.math.l2_normalize(tf.matmul(u, matrix, transpose_b=True))
            u = tf.math.l2_normalize(tf.matmul(v, matrix))
        return tf.stop_gradient(u), tf.stop_gradient(v)


_ADDONS = tensorflow_addons()
Wrapper: Any = _ADDONS.layers.SpectralNormalization if _ADDONS else OwnWrapper


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class SpectralNormalization(Normalised, Wrapper):
    """Divides the wrapped layer's kernel by its largest singular value (Miyato et al. 2018), as AnimeGAN does.

    The wrapper, its state `u` and its configuration are TensorFlow Addons'; `call` is not. Addons' `call` overwrites
    the kernel with the quotient, so the optimizer never sees the derivative of the singular value. Here, as in the
    lineage, the kernel stays as it is, the quotient is a tensor, and the gradient sees the singular value v'Wu with u
    and v held fixed (eq. 12 of the paper). `u` advances by one iteration per call with `training=True` and stays the
    same otherwise.

    The wrapped layer must accept `call(inputs, kernel=...)` (`ReflectConv2D` and `LADE` do).
    """

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SpectralNormalization:
        """Restores the wrapped layer too, which Keras 2.15's wrapper looks up under its unregistered name."""
        return cls(**{**config, "layer": tf.keras.layers.deserialize(config["layer"])})
