"""The generator of AnimeGANv3's published portrait model JP_face v1.0, which is not the paper's."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from animegan3_tf.layers import ExternalAttention, LayerNorm, ReflectConv2D, Upsample2x

EPSILONS = {"layer_norm": 1e-12, "attention": 1e-9, "attention_norm": 1e-5}


def build_jp_face(resize: str = "legacy", epsilons: Mapping[str, float] = EPSILONS) -> tf.keras.Model:
    """Builds the generator of JP_face as the authors' published graph has it, 1,490,688 parameters.

    AnimeGANv3's shape with layer normalisation in place of LADE, two convolutions a level in the base, three in the
    tail, and two at the end.

    Args:
        resize: "legacy", the grid of the published weights, or "half_pixel".
        epsilons: One for each name in `EPSILONS`; a published file has its own.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1], H and W multiples of 8 from 16 up, to the same shape and range.
    """
    photo = tf.keras.Input((None, None, 3), name="photo")

    def block(x: tf.Tensor, filters: int, name: str, kernel_size: int = 3, strides: int = 1) -> tf.Tensor:
        x = ReflectConv2D(filters, kernel_size, strides, name=f"{name}_conv")(x)
        x = LayerNorm(epsilons["layer_norm"], name=f"{name}_norm")(x)
        return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)

    x = block(photo, 32, "base_0", kernel_size=7)
    skips = [x]  # [N, H, W, 32]
    for level, (narrow, wide) in enumerate(((32, 64), (64, 128), (128, 128)), start=1):
        x = block(x, narrow, f"base_{level}_down", strides=2)
        x = block(x, wide, f"base_{level}a")
        x = block(x, wide, f"base_{level}b")
        skips.append(x)  # [N, H/2, W/2, 64], [N, H/4, W/4, 128]
    skips.pop()
    attention, norm = epsilons["attention"], epsilons["attention_norm"]
    x = ExternalAttention(128, "instance", attention, norm, name="main_attention")(x)  # [N, H/8, W/8, 128]
    for step, filters in enumerate((128, 64, 32), start=1):
        x = Upsample2x(resize, name=f"main_{step}_up")(x)
        x = block(x, filters, f"main_{step}a")
        x = tf.keras.layers.Add(name=f"main_{step}_skip")([x, skips.pop()])
        x = block(x, filters, f"main_{step}b")
        x = block(x, filters, f"main_{step}c", kernel_size=7 if step == 3 else 3)
    x = ReflectConv2D(3, 3, name="main_to_rgb")(x)
    # float32 whatever the policy: losses and images need more than float16's 11 bits
    x = tf.keras.layers.Activation("tanh", dtype="float32", name="main")(x)  # [N, H, W, 3]
    return tf.keras.Model(photo, x, name="jp_face")
