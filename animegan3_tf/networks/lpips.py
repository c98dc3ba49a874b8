"""The networks of LPIPS (Zhang et al. 2018), version 0.1: AlexNet or VGG16 with learned weights of the channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.npy import read_npz

# they are subtracted and divided by, on images in [-1, 1]
SHIFT, SCALE = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
# of each convolution: outputs, size, stride, padding; whether its output is a tap; the pool before it, size and stride
_ALEX = (
    (64, 11, 4, 2, True, None),
    (192, 5, 1, 2, True, (3, 2)),
    (384, 3, 1, 1, True, (3, 2)),
    (256, 3, 1, 1, True, None),
    (256, 3, 1, 1, True, None),
)
_CHANNELS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_VGG = tuple(
    (channels, 3, 1, 1, place == len(block) - 1, (2, 2) if stage and not place else None)
    for stage, block in enumerate(_CHANNELS)
    for place, channels in enumerate(block)
)
NETS = {"alex": _ALEX, "vgg": _VGG}
NAMES = {"alex": "LPIPS (AlexNet)", "vgg": "LPIPS (VGG16)"}

# PyTorch's names of AlexNet's convolutions in the package lpips
_TORCH = ("net.slice1.0", "net.slice2.3", "net.slice3.6", "net.slice4.8", "net.slice5.10")
_MAKE = (
    'where PyTorch is: net = lpips.LPIPS(net="alex"); '
    'numpy.savez("lpips_alex.npz", **{k: v.numpy() for k, v in net.state_dict().items()})'
)

Convolutions = Sequence[tuple[np.ndarray, np.ndarray]]


def read_lpips_npz(path: str | Path) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Reads the weights of `LPIPS(net="alex")` of the package lpips.

    Args:
        path: An .npz file of its state dict, under PyTorch's names.

    Returns:
        The arguments of `build_lpips`.

    Raises:
        UserError: The file cannot be read, or an array is missing or misshapen.
    """
    wanted: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for number, (name, (out, size, *_)) in enumerate(zip(_TORCH, _ALEX)):
        wanted |= {f"{name}.weight": (out, inputs, size, size), f"{name}.bias": (out,)}
        wanted[f"lin{number}.model.1.weight"] = (1, out, 1, 1)
        inputs = out
    try:
        arrays = read_npz(path, wanted)
    except (OSError, ValueError) as error:
        raise UserError(f"LPIPS weights {quote(path)} cannot be read: {error}; {_MAKE}") from None
    convolutions = [(arrays[f"{name}.weight"].transpose(2, 3, 1, 0), arrays[f"{name}.bias"]) for name in _TORCH]
    return convolutions, [arrays[f"lin{number}.model.1.weight"].ravel() for number in range(len(_TORCH))]


def build_lpips(
    net: str, convolutions: Convolutions, learned: Sequence[np.ndarray]
) -> tuple[tf.keras.Model, dict[str, np.ndarray]]:
    """Builds the network.

    Args:
        net: One of `NETS`.
        convolutions: Kernel [h, w, in, out] and bias [out] of each.
        learned: [C] of each tap.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: [N, h, w, C]} after ReLU, and the learned weights
        {tap: [C]}.
    """
    image = tf.keras.Input((None, None, 3), name="image")
    x = tf.keras.layers.Rescaling((1 / SCALE).tolist(), (-SHIFT / SCALE).tolist(), name="scaling")(image)
    features: dict[str, tf.Tensor] = {}
    for number, ((out, size, stride, padding, tapped, pool), weights) in enumerate(zip(NETS[net], convolutions)):
        if pool:
            x = tf.keras.layers.MaxPooling2D(*pool)(x)
        layer = tf.keras.layers.Conv2D(out, size, stride, activation="relu", name=f"conv{number + 1}")
        x = layer(tf.keras.layers.ZeroPadding2D(padding)(x))
        layer.set_weights(list(weights))
        if tapped:
            features[f"relu{len(features) + 1}"] = x
    return tf.keras.Model(image, features, name=f"lpips_{net}"), dict(zip(features, learned))
