"""InceptionV3 as TensorFlow released it in December 2015, whose pool_3 is what FID is measured in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

SIDE = 299  # pixels
DIMENSION = 2048
_EPSILON = 1e-3  # of the batch normalisation
_PARTS = ("weight", "beta", "mean", "var")  # of a convolution: kernel [out, in, height, width], batch normalisation

Layer = Callable[[tf.Tensor], tf.Tensor]


def build_inception(weights: Mapping[str, np.ndarray]) -> tf.keras.Model:
    """Builds the network up to pool_3.

    It differs from keras.applications' InceptionV3 in its weights, and in two pools: all average pools leave the
    padding out of the mean, and the last block pools by the maximum (the graph of 2015, as pytorch-fid's
    `fid_inception_v3` and the TorchScript of StyleGAN2-ADA have it).

    Args:
        weights: {"LAYER/weight", "LAYER/beta", "LAYER/mean", "LAYER/var": array} of 94 convolutions, without the batch
            normalisation's gamma, which is 1. The normalisation becomes part of the convolutions.

    Returns:
        A model from float [N, 299, 299, 3] RGB, about [-1, 1], to [N, 2048].

    Raises:
        KeyError: An array is missing; it is named.
        ValueError: An array has another shape.
    """
    net = _Builder(weights)
    image = x = tf.keras.Input((SIDE, SIDE, 3), name="image")
    x = net.conv(x, "conv", 32, (3, 3), 2, "valid")
    x = net.conv(x, "conv_1", 32, (3, 3), 1, "valid")
    x = tf.keras.layers.MaxPooling2D(3, 2)(net.conv(x, "conv_2", 64, (3, 3)))
    x = net.conv(x, "conv_3", 80, (1, 1))
    x = tf.keras.layers.MaxPooling2D(3, 2)(net.conv(x, "conv_4", 192, (3, 3), 1, "valid"))  # [N, 35, 35, 192]
    for name, pooled in (("mixed", 32), ("mixed_1", 64), ("mixed_2", 64)):
        x = net.block_a(x, name, pooled)
    x = net.block_b(x, "mixed_3")  # [N, 17, 17, 768]
    for name, narrow in (("mixed_4", 128), ("mixed_5", 160), ("mixed_6", 160), ("mixed_7", 192)):
        x = net.block_c(x, name, narrow)
    x = net.block_d(x, "mixed_8")  # [N, 8, 8, 1280]
    x = net.block_e(x, "mixed_9", tf.keras.layers.AveragePooling2D(3, 1, "same"))
    x = net.block_e(x, "mixed_10", tf.keras.layers.MaxPooling2D(3, 1, "same"))
    model = tf.keras.Model(image, tf.keras.layers.GlobalAveragePooling2D(name="pool_3")(x), name="inception_2015")
    net.set_weights()
    return model


class _Builder:
    """Makes the blocks; each convolution is named by its path in the weights."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._weights = weights
        self._layers: dict[str, tf.keras.layers.Conv2D] = {}

    def conv(
        self, x: tf.Tensor, name: str, channels: int, kernel: tuple[int, int], stride: int = 1, padding: str = "same"
    ) -> tf.Tensor:
        """A convolution with ReLU."""
        layer = tf.keras.layers.Conv2D(
            channels, kernel, stride, padding, activation="relu", name=name.replace("/", "_")
        )
        self._layers[name] = layer
        return layer(x)

    def chain(self, x: tf.Tensor, name: str, *convolutions: tuple[int, tuple[int, int]]) -> tf.Tensor:
        """Convolutions one after the other: conv, conv_1, ..."""
        for number, (channels, kernel) in enumerate(convolutions):
            x = self.conv(x, f"{name}/conv{f'_{number}' if number else ''}", channels, kernel)
        return x

    def halved(self, x: tf.Tensor, *convolutions: tuple[tf.Tensor, str, int]) -> tf.Tensor:
        """Joins the last convolutions of towers, given their input, name and channels, with the pooled maximum."""
        parts = [self.conv(tower, name, channels, (3, 3), 2, "valid") for tower, name, channels in convolutions]
        return tf.keras.layers.Concatenate()([*parts, tf.keras.layers.MaxPooling2D(3, 2)(x)])

    def block_a(self, x: tf.Tensor, name: str, pooled: int) -> tf.Tensor:
        """35x35."""
        mean = tf.keras.layers.AveragePooling2D(3, 1, "same")(x)
        parts = [
            self.conv(x, f"{name}/conv", 64, (1, 1)),
            self.chain(x, f"{name}/tower", (48, (1, 1)), (64, (5, 5))),
            self.chain(x, f"{name}/tower_1", (64, (1, 1)), (96, (3, 3)), (96, (3, 3))),
            self.chain(mean, f"{name}/tower_2", (pooled, (1, 1))),
        ]
        return tf.keras.layers.Concatenate()(parts)

    def block_b(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """35x35 to 17x17."""
        tower = self.chain(x, f"{name}/tower", (64, (1, 1)), (96, (3, 3)))
        return self.halved(x, (x, f"{name}/conv", 384), (tower, f"{name}/tower/conv_2", 96))

    def block_c(self, x: tf.Tensor, name: str, narrow: int) -> tf.Tensor:
        """17x17."""
        wide, tall, mean = (1, 7), (7, 1), tf.keras.layers.AveragePooling2D(3, 1, "same")(x)
        turns = ((narrow, (1, 1)), (narrow, tall), (narrow, wide), (narrow, tall), (192, wide))
        parts = [
            self.conv(x, f"{name}/conv", 192, (1, 1)),
            self.chain(x, f"{name}/tower", (narrow, (1, 1)), (narrow, wide), (192, tall)),
            self.chain(x, f"{name}/tower_1", *turns),
            self.chain(mean, f"{name}/tower_2", (192, (1, 1))),
        ]
        return tf.keras.layers.Concatenate()(parts)

    def block_d(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """17x17 to 8x8."""
        tower = self.chain(x, f"{name}/tower", (192, (1, 1)))
        second = self.chain(x, f"{name}/tower_1", (192, (1, 1)), (192, (1, 7)), (192, (7, 1)))
        return self.halved(x, (tower, f"{name}/tower/conv_1", 320), (second, f"{name}/tower_1/conv_3", 192))

    def block_e(self, x: tf.Tensor, name: str, pool: Layer) -> tf.Tensor:
        """8x8."""
        first = self.conv(x, f"{name}/tower_conv", 384, (1, 1))
        second = self.conv(x, f"{name}/tower_1_conv", 448, (1, 1))
        second = self.conv(second, f"{name}/tower_1_conv_1", 384, (3, 3))
        parts = [
            self.conv(x, f"{name}/conv", 320, (1, 1)),
            self.conv(first, f"{name}/tower_mixed_conv", 384, (1, 3)),
            self.conv(first, f"{name}/tower_mixed_conv_1", 384, (3, 1)),
            self.conv(second, f"{name}/tower_1_mixed_conv", 384, (1, 3)),
            self.conv(second, f"{name}/tower_1_mixed_conv_1", 384, (3, 1)),
            self.conv(pool(x), f"{name}/tower_2_conv", 192, (1, 1)),
        ]
        return tf.keras.layers.Concatenate()(parts)

    def set_weights(self) -> None:
        """Gives every convolution its kernel and bias."""
        for name, layer in self._layers.items():
            kernel, beta, mean, variance = (np.float64(self._weights[f"{name}/{part}"]) for part in _PARTS)
            scale = 1 / np.sqrt(variance + _EPSILON)
            layer.set_weights([(kernel * scale[:, None, None, None]).transpose(2, 3, 1, 0), beta - mean * scale])
