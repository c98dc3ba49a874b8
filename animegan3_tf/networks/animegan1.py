"""AnimeGAN's generator and discriminator."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from animegan3_tf.layers import Downsample2x, InstanceNorm, ReflectConv2D, ReflectDepthwiseConv2D, Upsample2x
from animegan3_tf.networks.patch_discriminator import build_patch_discriminator

RESIDUALS = 8
# 1e-6 is contrib's default, which AnimeGAN's separable convolutions keep
EPSILONS = {"instance_norm": 1e-5, "separable_norm": 1e-6}


def build_animegan1(resize: str = "legacy", epsilons: Mapping[str, float] = EPSILONS) -> tf.keras.Model:
    """Builds AnimeGAN's generator (Chen et al. 2019), 3,956,096 parameters.

    Args:
        resize: "legacy", the grid of all published weights, or "half_pixel".
        epsilons: One for each name in `EPSILONS`.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 4 from 16 up, to the same shape and range.
    """
    plain, separable = epsilons["instance_norm"], epsilons["separable_norm"]
    photo = tf.keras.Input((None, None, 3), name="photo")
    x = _block(photo, plain, 64, "b1_0")
    x = _block(x, plain, 64, "b1_1")  # [N, H, W, 64]
    x = _halve(x, separable, 128, "b1", resize)  # [N, H/2, W/2, 128]
    x = _block(x, plain, 128, "b2_0")
    x = _separable(x, separable, 128, "b2_1")
    x = _halve(x, separable, 256, "b2", resize)  # [N, H/4, W/4, 256]
    x = _block(x, plain, 256, "m_0")
    for number in range(1, RESIDUALS + 1):
        x = _inverted_residual(x, plain, f"m_r{number}")
    x = _block(x, plain, 256, "m_1")
    x = Upsample2x(resize, name="u2_up")(x)
    x = _separable(x, separable, 128, "u2_0")
    x = _separable(x, separable, 128, "u2_1")
    x = _block(x, plain, 128, "u2_2")  # [N, H/2, W/2, 128]
    x = Upsample2x(resize, name="u1_up")(x)
    x = _separable(x, separable, 128, "u1_0")
    x = _block(x, plain, 64, "u1_1")
    x = _block(x, plain, 64, "u1_2")  # [N, H, W, 64]
    x = ReflectConv2D(3, 1, name="to_rgb_conv")(x)
    # float32 whatever the policy: losses and images need more than float16's 11 bits
    x = tf.keras.layers.Activation("tanh", dtype="float32", name="anime")(x)  # [N, H, W, 3]
    return tf.keras.Model(photo, x, name="animegan1")


def build_animegan1_discriminator(name: str = "discriminator") -> tf.keras.Model:
    """AnimeGAN's discriminator: `build_patch_discriminator` with instance normalisation."""
    return build_patch_discriminator(InstanceNorm, name)


def _block(x: tf.Tensor, epsilon: float, filters: int, name: str, kernel_size: int = 3) -> tf.Tensor:
    x = ReflectConv2D(filters, kernel_size, name=f"{name}_conv")(x)
    return _activate(x, epsilon, name)


def _separable(x: tf.Tensor, epsilon: float, filters: int, name: str, strides: int = 1) -> tf.Tensor:
    """Depthwise 3x3 and 1x1 convolution with one normalisation behind both."""
    x = ReflectDepthwiseConv2D(strides, name=f"{name}_depthwise_conv")(x)
    x = ReflectConv2D(filters, 1, name=f"{name}_pointwise_conv")(x)
    return _activate(x, epsilon, name)


def _halve(x: tf.Tensor, epsilon: float, filters: int, name: str, resize: str) -> tf.Tensor:
    """A separable convolution with stride 2, plus one of the map at half its size."""
    strided = _separable(x, epsilon, filters, f"{name}_down", strides=2)
    half = _separable(Downsample2x(resize, name=f"{name}_half")(x), epsilon, filters, f"{name}_side")
    return tf.keras.layers.Add(name=f"{name}_sum")([strided, half])


def _inverted_residual(x: tf.Tensor, epsilon: float, name: str) -> tf.Tensor:
    """1x1 convolution to twice the channels, depthwise, 1x1 back; plus x."""
    filters = x.shape[-1]
    y = _block(x, epsilon, 2 * filters, f"{name}_expand", kernel_size=1)
    initializer = tf.keras.initializers.TruncatedNormal(stddev=0.02)
    y = ReflectDepthwiseConv2D(kernel_initializer=initializer, name=f"{name}_depthwise_conv")(y)
    y = _activate(y, epsilon, f"{name}_depthwise")
    y = ReflectConv2D(filters, 1, name=f"{name}_project_conv")(y)
    y = InstanceNorm(epsilon, name=f"{name}_project_norm")(y)
    return tf.keras.layers.Add(name=f"{name}_skip")([x, y])


def _activate(x: tf.Tensor, epsilon: float, name: str) -> tf.Tensor:
    x = InstanceNorm(epsilon, name=f"{name}_norm")(x)
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)
