"""The weights file of a deployed generator: HDF5, named arrays, and a header that says what they are.

The header is the attribute "header" of the root: a JSON object with "format" and whatever else its writer knows.
TensorFlow is not needed here; `networks.weights` turns the arrays into a model.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import h5py
import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file

FORMAT = "animegan3_tf generator 1"
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)  # what HDF5 raises over damaged files


def write_weights(path: str | os.PathLike, header: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes JSON-able header entries ("format" is added) and arrays by name, whole or not at all."""
    # in memory first: HDF5 does not get over a disk that fills up under it
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["header"] = json.dumps({**header, "format": FORMAT})
        write_arrays(file, arrays)
    with whole_file(path, durable=True) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_weights(path: str | os.PathLike) -> tuple[dict, dict[str, np.ndarray]]:
    """The header and the arrays by name; a UserError says why a file is none that can be read."""
    with _opened(path) as (file, header):
        return header, read_arrays(file)


def write_arrays(file: h5py.File, arrays: Mapping[str, np.ndarray]) -> None:
    """Stores arrays by name, where slashes make groups."""
    for name, array in arrays.items():
        file.create_dataset(name, data=array)


def read_arrays(file: h5py.File) -> dict[str, np.ndarray]:
    """Every array of the file by name. A damaged file raises one of `DAMAGE`."""
    arrays = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    file.visititems(collect)
    return arrays


def read_header(path: str | os.PathLike) -> dict:
    """The header alone, refusing what `read_weights` refuses by its header."""
    with _opened(path) as (_, header):
        return header


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[tuple[h5py.File, dict]]:
    name = repr(os.fsdecode(path))
    if not Path(path).is_file():
        is_what = "is not a weights file" if os.path.exists(path) else "does not exist"
        raise UserError(
            f"{name} {is_what}; name a run folder (with generator.h5), a weights file (.h5) or a name of "
            "`animegan3 models`"
        )
    try:
        with h5py.File(path, "r") as file:
            header = json.loads(file.attrs["header"])
            if header["format"] != FORMAT:
                raise UserError(f"{name} is in format {header['format']!r}; this version reads {FORMAT!r}")
            yield file, header
    except DAMAGE as error:
        raise UserError(f"{name} is not a weights file of animegan3_tf, or it is damaged: {error}") from error
