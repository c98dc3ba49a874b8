"""How far a picture is from its photo as a network sees it: LPIPS where its weights are given, else a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.feature_network import sha256_of
from animegan3_tf.evaluation.lpips import feature_map_distance
from animegan3_tf.networks.alexnet import build_lpips_alexnet, read_lpips_alexnet
from animegan3_tf.networks.anime_classifier import INSTALL, installed_classifier, read_anime_classifier
from animegan3_tf.networks.resnet18 import KERNELS, build_resnet18, read_resnet18

SPECIFICATIONS = "lpips:FILE.npz or resnet18[:FILE.whl, .onnx or .npz]"


@dataclass(frozen=True)
class PerceptualDistance:
    """A callable, two uint8 RGB pictures [H, W, 3] of one size -> their distance, 0 for the same picture.

    name: as a paper would tell it; "LPIPS" stands there only where it is that. weights: SHA-256 of the file.
    """

    name: str
    weights: str
    is_lpips: bool
    forward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    def __call__(self, photo: np.ndarray, picture: np.ndarray) -> float:
        """The distance; symmetric."""
        first, second = (tf.constant(image[None].astype(np.float32) / 127.5 - 1.0) for image in (photo, picture))
        return float(self.forward(first, second)[0])

    def to_dict(self) -> dict:
        """What a result says of it."""
        return {"network": self.name, "weights_sha256": self.weights}


def load_perceptual_distance(specification: str) -> PerceptualDistance:
    """Loads what a specification names, one of SPECIFICATIONS.

    lpips: AlexNet and the learned weights of the package lpips, as .npz. resnet18: taps A, B, C of the anime
    classifier, every channel counting alike; a stand-in on a scale of its own, from the installed wheel without a file.
    """
    kind, _, path = specification.partition(":")
    if kind == "lpips" and path:
        model, learned = build_lpips_alexnet(read_lpips_alexnet(path))
        return _distance("LPIPS (AlexNet)", path, True, model, learned)
    if kind == "resnet18":
        path = path or installed_classifier()
        if path is None:
            raise UserError(f"the ResNet-18 of anime-or-not is not installed; {INSTALL}")
        model = build_resnet18(read_resnet18(path) if str(path).endswith(".npz") else _first_half(path))
        return _distance("perceptual distance (ResNet-18 of anime-or-not)", path, False, model, None)
    raise UserError(f"distance {specification!r} is not known; give {SPECIFICATIONS}")


def _first_half(path):
    arrays = read_anime_classifier(path)
    kernels = {number: arrays[str(number)].transpose(2, 3, 1, 0) for number in KERNELS}
    return kernels | {number + 1: arrays[str(number + 1)] for number in KERNELS}


def _distance(name, path, is_lpips, model, learned):
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)] * 2)
    def forward(photos, pictures):
        return feature_map_distance(model(photos, training=False), model(pictures, training=False), learned)

    return PerceptualDistance(name, sha256_of(Path(path)), is_lpips, forward)
