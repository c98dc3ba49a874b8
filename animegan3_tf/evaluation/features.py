"""The feature networks that a user can choose from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.feature_network import FeatureNetwork, sha256_of
from animegan3_tf.networks.anime_classifier import (
    INSTALL,
    SIZE,
    build_anime_classifier,
    installed_classifier,
    read_anime_classifier,
)
from animegan3_tf.networks.resnet18 import build_resnet18, read_resnet18

SPECIFICATIONS = (
    "inception-2015[:FOLDER], inception-keras[:FILE.h5], resnet18[:FILE.whl, .onnx or .npz] or saved_model:FOLDER"
)


def load_features(specification: str) -> FeatureNetwork:
    """Loads a feature network.

    Args:
        specification: One of SPECIFICATIONS. "resnet18" is the whole anime classifier of the installed wheel or of a
            file; of an .npz file, its first half. A SavedModel's signature serving_default takes RGB [N, H, W, 3] in
            [0, 255], H = W (299 where it is open), and gives [N, D].

    Raises:
        UserError: The specification is not known, or its network cannot be loaded.
    """
    kind, _, rest = specification.partition(":")
    path = rest or None
    if path is not None and not Path(path).exists():
        raise UserError(f"features {specification!r}: {path!r} does not exist; give {SPECIFICATIONS}")
    if kind in ("inception-2015", "inception-keras"):
        from animegan3_tf.evaluation.inception import inception_2015, inception_keras  # takes seconds to import

        return (inception_2015 if kind == "inception-2015" else inception_keras)(path)
    if kind == "resnet18":
        return _half(path) if path and path.endswith(".npz") else classifier_features(path)
    if kind == "saved_model" and path:
        return _saved_model(path)
    raise UserError(f"features {specification!r} are not known; give {SPECIFICATIONS}")


def classifier_features(path: str | Path | None = None) -> FeatureNetwork:
    """Loads the 512 pooled features of the anime classifier.

    Args:
        path: The classifier's file; the installed wheel's without one.

    Raises:
        UserError: No path is given and the wheel is not installed, or the file cannot be read.
    """
    file, model = _classifier(path)
    features = tf.keras.Model(model.input, model.output["features"])
    return _network("ResNet-18 of anime-or-not", "last, mean-pooled", file, features, SIZE)


def anime_likeness(path: str | Path | None = None) -> FeatureNetwork:
    """Loads the anime classifier's probability of anime, 0 to 1, as a network of one feature.

    On 224x224 images, photos have about 0.004 and anime faces about 0.6. The wheel's `predict_image` rounds the
    resized image to 8 bits and gives percent.

    Args:
        path: The classifier's file; the installed wheel's without one.

    Raises:
        UserError: No path is given and the wheel is not installed, or the file cannot be read.
    """
    file, model = _classifier(path)
    probability = tf.keras.layers.Softmax()(model.output["logits"])[:, 1:]
    return _network("ResNet-18 of anime-or-not", "softmax", file, tf.keras.Model(model.input, probability), SIZE)


def _classifier(path: str | Path | None) -> tuple[str | Path, tf.keras.Model]:
    path = path or installed_classifier()
    if path is None:
        raise UserError(f"the ResNet-18 of anime-or-not is not installed; {INSTALL}")
    return path, build_anime_classifier(read_anime_classifier(path))


def _half(path: str) -> FeatureNetwork:
    taps = build_resnet18(read_resnet18(path))
    pooled = [tf.keras.layers.GlobalAveragePooling2D()(taps.output[tap]) for tap in ("A", "B", "C")]
    features = tf.keras.Model(taps.input, tf.keras.layers.Concatenate()(pooled))
    return _network("half ResNet-18 of anime-or-not", "taps A, B, C, mean-pooled", path, features, SIZE)


def _network(name: str, layer: str, path: str | Path, model: tf.keras.Model, size: int) -> FeatureNetwork:
    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)])
    def features(images: tf.Tensor) -> tf.Tensor:
        return model(images / 127.5 - 1.0, training=False)

    dimension = model.output_shape[-1]
    return FeatureNetwork(
        name, layer, sha256_of(path), size, "bilinear", dimension, lambda batch: features(batch).numpy()
    )


def _saved_model(path: str) -> FeatureNetwork:
    try:
        model = tf.saved_model.load(path)
        signature = model.signatures["serving_default"]
        ((source, spec),) = signature.structured_input_signature[1].items()
        (result,) = signature.structured_outputs
        side = spec.shape[1] or 299
        dimension = signature(**{source: tf.zeros([1, side, side, 3], spec.dtype)})[result].shape[-1]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"features 'saved_model:{path}' need a signature serving_default from one tensor [N, H, W, 3], RGB in "
            f"0..255, to one [N, D]: {reason}"
        ) from None

    # the default argument keeps the model alive: a signature does not
    def forward(batch: np.ndarray, model: object = model) -> np.ndarray:
        return signature(**{source: tf.cast(batch, spec.dtype)})[result].numpy()

    return FeatureNetwork(
        f"SavedModel {Path(path).name}", "serving_default", sha256_of(path), side, "bicubic", dimension, forward
    )
