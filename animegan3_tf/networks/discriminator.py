"""AnimeGANv3's discriminator, one for each tail."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf.layers import LADE, ReflectConv2D, SpectralNormalization


def build_discriminator(filters: int = 32, name: str = "discriminator") -> tf.keras.Model:
    """Builds a patch discriminator with spectral normalisation on every kernel, LADE's included (DTGAN, section 3.3).

    Args:
        filters: Channels of the first convolution.
        name: The model's name.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 8, to logits [N, H/8, W/8, 1], float32.
    """
    image = tf.keras.Input((None, None, 3), name="image")
    x = _conv(image, filters, "conv_in", kernel_size=7)  # [N, H, W, f]
    x = _activate(x, "conv_in")
    for level in range(3):
        x = _conv(x, filters * 2**level, f"level_{level}_down", strides=2)
        x = _denormalise(x, f"level_{level}_down")
        x = _conv(x, filters * 2 ** (level + 1), f"level_{level}")  # [N, H/2^(i+1), W/2^(i+1), f*2^(i+1)]
        x = _denormalise(x, f"level_{level}")
    x = _conv(x, 1, "logit", kernel_size=1)  # [N, H/8, W/8, 1]
    x = tf.keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    return tf.keras.Model(image, x, name=name)


def _conv(x: tf.Tensor, filters: int, name: str, kernel_size: int = 3, strides: int = 1) -> tf.Tensor:
    return SpectralNormalization(ReflectConv2D(filters, kernel_size, strides, name="conv"), name=f"{name}_conv")(x)


def _activate(x: tf.Tensor, name: str) -> tf.Tensor:
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)


def _denormalise(x: tf.Tensor, name: str) -> tf.Tensor:
    return _activate(SpectralNormalization(LADE(name="lade"), name=f"{name}_lade")(x), name)
