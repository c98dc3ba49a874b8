"""AnimeGANv2's generator and discriminator."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from animegan3_tf.layers import LayerNorm, ReflectConv2D, ReflectDepthwiseConv2D, Upsample2x
from animegan3_tf.networks.patch_discriminator import build_patch_discriminator

RESIDUALS = 4
EPSILONS = {"layer_norm": 1e-12}  # contrib's


def build_animegan2(resize: str = "legacy", epsilons: Mapping[str, float] = EPSILONS) -> tf.keras.Model:
    """Builds AnimeGANv2's generator (Chen et al. 2020), 2,143,552 parameters.

    Args:
        resize: "legacy", the grid of all published weights, or "half_pixel".
        epsilons: One for each name in `EPSILONS`.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 4 from 16 up, to the same shape and range.
    """
    epsilon = epsilons["layer_norm"]
    photo = tf.keras.Input((None, None, 3), name="photo")
    x = _block(photo, epsilon, 32, "a_0", kernel_size=7)  # [N, H, W, 32]
    x = _block(x, epsilon, 64, "a_1", strides=2)
    x = _block(x, epsilon, 64, "a_2")  # [N, H/2, W/2, 64]
    x = _block(x, epsilon, 128, "b_0", strides=2)
    x = _block(x, epsilon, 128, "b_1")  # [N, H/4, W/4, 128]
    x = _block(x, epsilon, 128, "c_0")
    for number in range(1, RESIDUALS + 1):
        x = _inverted_residual(x, epsilon, 256, f"c_r{number}")  # [N, H/4, W/4, 256]
    x = _block(x, epsilon, 128, "c_1")
    x = Upsample2x(resize, name="d_up")(x)
    x = _block(x, epsilon, 128, "d_0")
    x = _block(x, epsilon, 128, "d_1")  # [N, H/2, W/2, 128]
    x = Upsample2x(resize, name="e_up")(x)
    x = _block(x, epsilon, 64, "e_0")
    x = _block(x, epsilon, 64, "e_1")
    x = _block(x, epsilon, 32, "e_2", kernel_size=7)  # [N, H, W, 32]
    x = _convolve(x, 3, "to_rgb", kernel_size=1)
    # float32 whatever the policy: losses and images need more than float16's 11 bits
    x = tf.keras.layers.Activation("tanh", dtype="float32", name="anime")(x)  # [N, H, W, 3]
    return tf.keras.Model(photo, x, name="animegan2")


def build_animegan2_discriminator(name: str = "discriminator") -> tf.keras.Model:
    """AnimeGANv2's discriminator: `build_patch_discriminator` with layer normalisation."""
    return build_patch_discriminator(LayerNorm, name)


def _block(x: tf.Tensor, epsilon: float, filters: int, name: str, kernel_size: int = 3, strides: int = 1) -> tf.Tensor:
    return _activate(_convolve(x, filters, name, kernel_size, strides), epsilon, name)


def _inverted_residual(x: tf.Tensor, epsilon: float, filters: int, name: str) -> tf.Tensor:
    """1x1 convolution to twice the channels, depthwise, 1x1 to `filters`; plus x where the channels agree."""
    y = _block(x, epsilon, 2 * x.shape[-1], f"{name}_expand", kernel_size=1)
    y = ReflectDepthwiseConv2D(use_bias=True, kernel_initializer="he_normal", name=f"{name}_depthwise_conv")(y)
    y = _activate(y, epsilon, f"{name}_depthwise")
    y = _convolve(y, filters, f"{name}_project", kernel_size=1)
    y = LayerNorm(epsilon, name=f"{name}_project_norm")(y)
    return tf.keras.layers.Add(name=f"{name}_skip")([x, y]) if x.shape[-1] == filters else y


def _convolve(x: tf.Tensor, filters: int, name: str, kernel_size: int = 3, strides: int = 1) -> tf.Tensor:
    return ReflectConv2D(
        filters, kernel_size, strides, kernel_initializer="he_normal", larger_side="after", name=f"{name}_conv"
    )(x)


def _activate(x: tf.Tensor, epsilon: float, name: str) -> tf.Tensor:
    x = LayerNorm(epsilon, name=f"{name}_norm")(x)
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)
