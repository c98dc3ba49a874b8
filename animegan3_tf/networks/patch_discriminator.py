"""The discriminator of AnimeGAN and AnimeGANv2; only its normalisation differs."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from animegan3_tf.layers import SpectralNormalization, ZeroConv2D


def build_patch_discriminator(
    normalisation: Callable[..., tf.keras.layers.Layer], name: str = "discriminator"
) -> tf.keras.Model:
    """Builds a zero-padded patch discriminator with spectral normalisation on every kernel (AnimeGAN, fig. 2).

    Args:
        normalisation: A layer class, `InstanceNorm` (AnimeGAN) or `LayerNorm` (AnimeGANv2).
        name: The model's name.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 4, to logits [N, H/4, W/4, 1], float32.
    """

    def convolve(x: tf.Tensor, filters: int, scope: str, strides: int = 1) -> tf.Tensor:
        initializer = tf.keras.initializers.RandomNormal(stddev=0.02)
        convolution = ZeroConv2D(filters, 3, strides, initializer, name="conv")
        return SpectralNormalization(convolution, name=f"{scope}_conv")(x)

    def activate(x: tf.Tensor, scope: str) -> tf.Tensor:
        return tf.keras.layers.LeakyReLU(0.2, name=f"{scope}_lrelu")(x)

    def normalise(x: tf.Tensor, scope: str) -> tf.Tensor:
        return activate(normalisation(name=f"{scope}_norm")(x), scope)

    image = tf.keras.Input((None, None, 3), name="image")
    x = activate(convolve(image, 32, "conv_in"), "conv_in")  # [N, H, W, 32]
    for level in (1, 2):
        x = activate(convolve(x, 32 * 2**level, f"level_{level}_down", strides=2), f"level_{level}_down")
        x = normalise(convolve(x, 64 * 2**level, f"level_{level}"), f"level_{level}")  # [N, H/2^i, W/2^i, 64*2^i]
    x = normalise(convolve(x, 256, "last"), "last")  # [N, H/4, W/4, 256]
    x = convolve(x, 1, "logit")  # [N, H/4, W/4, 1]
    x = tf.keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    return tf.keras.Model(image, x, name=name)
