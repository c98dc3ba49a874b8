"""Spectral normalisation of the discriminators' kernels; the only module that knows TensorFlow Addons' wrapper."""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # its end-of-life notice, known and pinned
    import tensorflow_addons as tfa


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class SpectralNormalization(tfa.layers.SpectralNormalization):
    """Divides the wrapped layer's kernel by its largest singular value (Miyato et al. 2018), as AnimeGAN does.

    The wrapper, its state `u` and its configuration are TensorFlow Addons'; `call` is not. Addons' `call` overwrites
    the kernel with the quotient, so the optimizer never sees the derivative of the singular value. Here, as in the
    lineage, the kernel stays as it is, the quotient is a tensor, and the gradient sees the singular value v'Wu with u
    and v held fixed (eq. 12 of the paper). `u` advances by one iteration per call with `training=True` and stays the
    same otherwise.

    The wrapped layer must accept `call(inputs, kernel=...)` (`ReflectConv2D` and `LADE` do).
    """

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

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SpectralNormalization:
        """Restores the wrapped layer too, which Keras 2.15's wrapper looks up under its unregistered name."""
        return cls(**{**config, "layer": tf.keras.layers.deserialize(config["layer"])})
