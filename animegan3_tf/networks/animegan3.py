"""AnimeGANv3's generator with two tails (Liu et al. 2023) and its discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from animegan3_tf.layers import LADE, ExternalAttention, ReflectConv2D, SpectralNormalization, Upsample2x

TAILS = ("both", "main")
EPSILONS = {"lade": 1e-5, "attention": 1e-9, "attention_norm": 1e-3}


def build_generator(
    tails: str = "both",
    resize: str = "half_pixel",
    lade: str = "covariance",
    epsilons: Mapping[str, float] = EPSILONS,
    attention_norm: str = "batch",
) -> tf.keras.Model:
    """Builds the generator of DTGAN (IEICE E107-D 2024), fig. 2.

    Args:
        tails: "both" for training (1,557,792 trainable parameters) or "main" for deployment (1,027,520).
        resize: "half_pixel", or "legacy" for weights trained with TF1's bilinear grid.
        lade: "covariance" or "direct", two forms of one function.
        epsilons: One for each name in `EPSILONS`, which are DTGAN's; published files have others (Hayao_36: 1e-12 for
            LADE).
        attention_norm: The attention's normalisation: "batch", or "layer" as in PortraitSketch_25, which then needs its
            own epsilon.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 8 from 16 up, to the same shape and range: the
        main image, or {"support": ..., "main": ...} with both tails. Weights have the same names either way.

    Raises:
        ValueError: `tails` is not known.
    """
    if tails not in TAILS:
        raise ValueError(f"tails is {tails!r}; it must be one of {', '.join(TAILS)}")
    photo = tf.keras.Input((None, None, 3), name="photo")
    lade_options = {"form": lade, "epsilon": epsilons["lade"]}
    attention = {"norm": attention_norm, "epsilon": epsilons["attention"], "norm_epsilon": epsilons["attention_norm"]}
    features = _base(photo, lade_options)
    outputs = {
        tail: _tail(features, tail, resize, lade_options, attention)
        for tail in ("support", "main")
        if tails in ("both", tail)
    }
    return tf.keras.Model(photo, outputs if tails == "both" else outputs["main"], name=f"generator_{tails}")


def main_tail(generator: tf.keras.Model) -> tf.keras.Model:
    """The deployed generator that shares the layers and weights of `generator`, built with both tails."""
    return tf.keras.Model(generator.input, generator.output["main"], name="generator_main")


def _block(
    x: tf.Tensor, filters: int, name: str, lade: dict[str, Any], kernel_size: int = 3, strides: int = 1
) -> tf.Tensor:
    x = ReflectConv2D(filters, kernel_size, strides, name=f"{name}_conv")(x)
    x = LADE(**lade, name=f"{name}_lade")(x)
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)


def _base(x: tf.Tensor, lade: dict[str, Any]) -> tuple[tf.Tensor, ...]:
    """Four feature maps, full size down to an eighth."""
    x0 = _block(x, 32, "base_0", lade, kernel_size=7)  # [N, H, W, 32]
    x = _block(x0, 32, "base_1_down", lade, strides=2)
    x1 = _block(x, 64, "base_1", lade)  # [N, H/2, W/2, 64]
    x = _block(x1, 64, "base_2_down", lade, strides=2)
    x2 = _block(x, 128, "base_2", lade)  # [N, H/4, W/4, 128]
    x = _block(x2, 128, "base_3_down", lade, strides=2)
    x3 = _block(x, 128, "base_3", lade)  # [N, H/8, W/8, 128]
    return x0, x1, x2, x3


def _tail(
    features: tuple[tf.Tensor, ...], name: str, resize: str, lade: dict[str, Any], attention: dict[str, Any]
) -> tf.Tensor:
    """The way back up to an image in [-1, 1], with a skip from the base at each size."""
    *skips, x = features
    x = ExternalAttention(128, **attention, name=f"{name}_attention")(x)
    for step, (filters, skip) in enumerate(zip((128, 64, 32), reversed(skips)), start=1):
        x = Upsample2x(resize, name=f"{name}_{step}_up")(x)
        x = _block(x, filters, f"{name}_{step}a", lade)
        x = tf.keras.layers.Add(name=f"{name}_{step}_skip")([x, skip])
        x = _block(x, filters, f"{name}_{step}b", lade)
    x = ReflectConv2D(3, 7, name=f"{name}_to_rgb")(x)
    # float32 whatever the policy: losses and images need more than float16's 11 bits
    return tf.keras.layers.Activation("tanh", dtype="float32", name=name)(x)  # [N, H, W, 3]


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
