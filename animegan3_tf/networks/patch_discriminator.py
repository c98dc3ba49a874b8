"""Patch discriminators: of AnimeGAN and AnimeGANv2, and of training on pairs."""

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
        convolution = ZeroConv2D(filters, 3, strides, tf.keras.initializers.RandomNormal(stddev=0.02), name="conv")
        return SpectralNormalization(convolution, name=f"{scope}_conv")(x)

    def normalise(x: tf.Tensor, scope: str) -> tf.Tensor:
        return _activate(normalisation(name=f"{scope}_norm")(x), scope)

    image = tf.keras.Input((None, None, 3), name="image")
    x = _activate(convolve(image, 32, "conv_in"), "conv_in")  # [N, H, W, 32]
    for level in (1, 2):
        x = _activate(convolve(x, 32 * 2**level, f"level_{level}_down", strides=2), f"level_{level}_down")
        x = normalise(convolve(x, 64 * 2**level, f"level_{level}"), f"level_{level}")  # [N, H/2^i, W/2^i, 64*2^i]
    x = normalise(convolve(x, 256, "last"), "last")  # [N, H/4, W/4, 256]
    x = convolve(x, 1, "logit")  # [N, H/4, W/4, 1]
    x = tf.keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    return tf.keras.Model(image, x, name=name)


def _activate(x: tf.Tensor, scope: str) -> tf.Tensor:
    return tf.keras.layers.LeakyReLU(0.2, name=f"{scope}_lrelu")(x)


_GROUPS = 8
_FINE = 4.0  # lines are small differences: they are enlarged to the range of the colours
_SURROUNDINGS = 5


def build_pair_discriminator(name: str = "discriminator") -> tf.keras.Model:
    """Builds a conditional patch discriminator (Isola et al. 2017, pix2pix) with group normalisation (Wu & He 2018).

    Its input is the photo, the drawing, and 4 x (the drawing - its 5x5 mean): unscaled, lines would be lost beside the
    colours.

    Args:
        name: The model's name.

    Returns:
        A model from [photo, drawing], each float [N, H, W, 3] in [-1, 1], H and W multiples of 8, to logits
        [N, H/8, W/8, 1], float32.
    """

    def convolve(x: tf.Tensor, filters: int, scope: str, strides: int = 1) -> tf.Tensor:
        kernel = 4 if strides == 2 else 3
        return tf.keras.layers.Conv2D(filters, kernel, strides, "same", name=f"{scope}_conv")(x)

    photo = tf.keras.Input((None, None, 3), name="photo")
    drawing = tf.keras.Input((None, None, 3), name="drawing")
    mean = tf.keras.layers.AveragePooling2D(_SURROUNDINGS, 1, "same", name="surroundings")(drawing)
    fine = tf.keras.layers.Rescaling(_FINE, name="fine")(tf.keras.layers.Subtract(name="detail")([drawing, mean]))
    x = tf.keras.layers.Concatenate(name="seen")([photo, drawing, fine])  # [N, H, W, 9]
    x = _activate(convolve(x, 32, "level_1", strides=2), "level_1")  # [N, H/2, W/2, 32]
    for level, filters in ((2, 64), (3, 128)):
        x = convolve(x, filters, f"level_{level}", strides=2)
        x = _activate(tf.keras.layers.GroupNormalization(_GROUPS, name=f"level_{level}_norm")(x), f"level_{level}")
    x = convolve(x, 128, "last")  # [N, H/8, W/8, 128]
    x = _activate(tf.keras.layers.GroupNormalization(_GROUPS, name="last_norm")(x), "last")
    x = convolve(x, 1, "logit")  # [N, H/8, W/8, 1]
    x = tf.keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    return tf.keras.Model([photo, drawing], x, name=name)
