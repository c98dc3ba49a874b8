"""The generator of AnimeGANv3's published tiny models, for phones and browsers."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from animegan3_tf.layers import LADE, ReflectConv2D, Upsample2x

EPSILONS = {"lade": 1e-5}
RESIDUALS = 2


def build_tiny(
    resize: str = "legacy", lade: str = "covariance", epsilons: Mapping[str, float] = EPSILONS
) -> tf.keras.Model:
    """Builds the generator of the tiny models as they are published: batch norms folded into convolutions.

    A U-Net with additive skips, 605,616 parameters. It was trained with batch norms, which these weights no longer
    have: it serves for inference, not as a start for training.

    Args:
        resize: "legacy", the grid of the published weights, or "half_pixel".
        lade: The form of the one LADE, "covariance" or "direct".
        epsilons: One for each name in `EPSILONS`; a published file has its own.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 16 from 32 up, to the same shape and range.
    """
    photo = tf.keras.Input((None, None, 3), name="photo")
    x = _block(photo, 16, "base_0", kernel_size=7)
    skips = [x]  # [N, H, W, 16]
    for level, filters in enumerate((16, 32, 64, 128), start=1):
        x = _block(x, filters, f"base_{level}_down", strides=2)
        x = _block(x, filters, f"base_{level}")
        skips.append(x)  # [N, H/2^level, W/2^level, filters]
    skips.pop()
    for number in range(1, RESIDUALS + 1):
        x = _residual(x, f"base_r{number}")  # [N, H/16, W/16, 128]
    for step, filters in enumerate((64, 32, 16), start=1):
        x = Upsample2x(resize, name=f"main_{step}_up")(x)
        x = _block(x, filters, f"main_{step}a")
        x = tf.keras.layers.Add(name=f"main_{step}_skip")([x, skips.pop()])
        x = _block(x, filters, f"main_{step}b")
        x = _block(x, filters, f"main_{step}c")  # [N, H/2, W/2, 16] at last
    x = Upsample2x(resize, name="main_4_up")(x)
    x = _block(x, 16, "main_4a")
    x = tf.keras.layers.Add(name="main_4_skip")([x, skips.pop()])
    x = ReflectConv2D(16, name="main_4b_conv")(x)
    x = LADE(lade, epsilons["lade"], name="main_4b_lade")(x)
    x = tf.keras.layers.LeakyReLU(0.2, name="main_4b_lrelu")(x)  # [N, H, W, 16]
    x = ReflectConv2D(3, 7, name="main_to_rgb")(x)
    # float32 whatever the policy: losses and images need more than float16's 11 bits
    x = tf.keras.layers.Activation("tanh", dtype="float32", name="main")(x)  # [N, H, W, 3]
    return tf.keras.Model(photo, x, name="tiny")


def _block(x: tf.Tensor, filters: int, name: str, kernel_size: int = 3, strides: int = 1) -> tf.Tensor:
    x = ReflectConv2D(filters, kernel_size, strides, use_bias=True, name=f"{name}_conv")(x)
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)


def _residual(x: tf.Tensor, name: str) -> tf.Tensor:
    """1x1 convolution to half the channels, 3x3, 1x1 back; plus x."""
    filters = x.shape[-1]
    y = _block(x, filters // 2, f"{name}_in", kernel_size=1)
    y = _block(y, filters // 2, f"{name}_mid")
    y = ReflectConv2D(filters, 1, name=f"{name}_out_conv")(y)
    y = tf.keras.layers.Add(name=f"{name}_skip")([y, x])
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(y)
