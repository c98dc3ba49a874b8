"""Reads and writes the weights file of a deployed generator: HDF5 with named arrays and a header that describes them.

The header is the attribute "header" of the root: a JSON object with "format" and further entries of its writer.
TensorFlow is not needed here; `models.weights` turns the arrays into a model.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file

if TYPE_CHECKING:
    import h5py
    import numpy as np

FORMAT = "animegan3_tf generator 1"
DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)  # what HDF5 raises over damaged files


def write_weights(path: str | os.PathLike, header: Mapping[str, object], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a weights file whole or not at all.

    Args:
        path: The file to write.
        header: Entries that JSON can hold; "format" is added.
        arrays: Arrays by name, where slashes make groups.
    """
    import h5py  # not above: `--help` would wait for it

    # in memory first: HDF5 cannot recover when the disk fills up
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["header"] = json.dumps({**header, "format": FORMAT})
        write_arrays(file, arrays)
    with whole_file(path, durable=True) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def read_weights(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads a weights file.

    Returns:
        The header, and the arrays by name.

    Raises:
        UserError: The file does not exist, is damaged, or is no weights file of this version's format.
    """
    with _opened(path) as (file, header):
        return header, read_arrays(file)


def write_arrays(file: h5py.File, arrays: Mapping[str, np.ndarray]) -> None:
    """Stores arrays by name in an open file; slashes make groups."""
    for name, array in arrays.items():
        file.create_dataset(name, data=array)


def read_arrays(file: h5py.File) -> dict[str, np.ndarray]:
    """Reads every array of an open file by name; a damaged file raises one of `DAMAGE`."""
    import h5py

    arrays = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    file.visititems(collect)
    return arrays


def read_header(path: str | os.PathLike) -> dict[str, Any]:
    """Reads the header alone; raises UserError as `read_weights` does, but for damage in the arrays."""
    with _opened(path) as (_, header):
        return header


def describe_weights(path: Path) -> dict[str, Any]:
    """Describes a weights file for `animegan3 info`; raises UserError as `read_weights`."""
    return describe_arrays("weights", path, *read_weights(path))


def describe_arrays(
    kind: str, path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Describes a file of named arrays: plain values by name, its kind first."""
    numbers = sum(array.size for array in arrays.values())
    stored = ", ".join(sorted({str(array.dtype) for array in arrays.values()}))
    return {"kind": kind, "bytes": path.stat().st_size, **header, "numbers": numbers, "stored_as": stored}


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[tuple[h5py.File, dict[str, Any]]]:
    """Opens a weights file for a `with` block: the file and its header."""
    import h5py

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
