"""AlexNet as LPIPS uses it: five taps, and the learned weight of each channel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError

# LPIPS subtracts and divides by these, on images in [-1, 1]
SHIFT, SCALE = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
# PyTorch's name of each convolution: outputs, inputs, size, stride, padding
LAYERS = {
    "net.slice1.0": (64, 3, 11, 4, 2),
    "net.slice2.3": (192, 64, 5, 1, 2),
    "net.slice3.6": (384, 192, 3, 1, 1),
    "net.slice4.8": (256, 384, 3, 1, 1),
    "net.slice5.10": (256, 256, 3, 1, 1),
}
MAKE = (
    'where PyTorch is: net = lpips.LPIPS(net="alex"); '
    'numpy.savez("lpips_alex.npz", **{k: v.numpy() for k, v in net.state_dict().items()})'
)


def read_lpips_alexnet(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the weights of `LPIPS(net="alex")` of the package lpips.

    Args:
        path: An .npz file of its state dict, under PyTorch's names.

    Returns:
        {PyTorch's name: float32 array}, in PyTorch's layout.

    Raises:
        UserError: The file cannot be read, or an array is missing or misshapen.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"LPIPS weights {str(path)!r} cannot be read: {error}; {MAKE}") from None
    wanted: dict[str, tuple[int, ...]] = {
        f"lin{i}.model.1.weight": (1, spec[0], 1, 1) for i, spec in enumerate(LAYERS.values())
    }
    for name, (out, inputs, size, _, _) in LAYERS.items():
        wanted |= {f"{name}.weight": (out, inputs, size, size), f"{name}.bias": (out,)}
    for name, shape in wanted.items():
        found = weights[name].shape if name in weights else "missing"
        if found != shape:
            raise UserError(f"LPIPS weights {str(path)!r}: array {name} is {found}, expected {shape}; {MAKE}")
    return weights


def build_lpips_alexnet(weights: dict[str, np.ndarray]) -> tuple[tf.keras.Model, dict[str, np.ndarray]]:
    """Builds the network.

    Args:
        weights: The arrays of `read_lpips_alexnet`.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: [N, h, w, C]} after each ReLU, and the learned weights
        {tap: [C]}.
    """
    image = tf.keras.Input((None, None, 3), name="image")
    x = tf.keras.layers.Rescaling((1 / SCALE).tolist(), (-SHIFT / SCALE).tolist(), name="scaling")(image)
    features, learned = {}, {}
    for number, (name, (out, _, size, stride, padding)) in enumerate(LAYERS.items()):
        tap = f"relu{number + 1}"
        if number in (1, 2):
            x = tf.keras.layers.MaxPooling2D(3, 2)(x)
        layer = tf.keras.layers.Conv2D(out, size, stride, activation="relu", name=f"conv{number + 1}")
        x = features[tap] = layer(tf.keras.layers.ZeroPadding2D(padding)(x))
        layer.set_weights([weights[f"{name}.weight"].transpose(2, 3, 1, 0), weights[f"{name}.bias"]])
        learned[tap] = weights[f"lin{number}.model.1.weight"].ravel()
    return tf.keras.Model(image, features, name="lpips_alexnet"), learned
