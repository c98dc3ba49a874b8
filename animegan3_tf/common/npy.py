"""NumPy's files, read as data whose declared shapes and sizes are not believed."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from animegan3_tf.common.errors import first_line
from animegan3_tf.common.files import StrPath, regular_file

_LARGEST = 1 << 30  # bytes of a file


def read_npy_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Reads what stands before the numbers of an .npy file.

    Args:
        file: Open at its first byte; it is left at the first number.

    Returns:
        The shape, whether the numbers are in Fortran's order, and their type.

    Raises:
        ValueError: The file is of another kind, or damaged.
    """
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its .npy version {version} is not known")
    try:
        return readers[version](file)
    except Exception as error:  # NumPy parses Python's syntax there, whose errors have many types
        raise ValueError("its .npy header is damaged") from error


def read_npz(path: StrPath, wanted: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Reads arrays of an .npz file, and nothing else in it.

    Args:
        path: The file.
        wanted: The shapes of the arrays by name.

    Returns:
        The arrays by name, float32.

    Raises:
        ValueError: The file is damaged, or an array is missing, misshapen or not of numbers.
        UserError: The path is not that of a regular file, or the file is too large.
        OSError: It cannot be opened.
    """
    with open(regular_file(path, _LARGEST), "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            # the methods that NumPy writes with; others may take gigabytes to undo
            usual = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            entries = {entry.filename for entry in archive.infolist() if entry.compress_type in usual}
            return {name: _array(archive, entries, name, shape) for name, shape in wanted.items()}
        except ValueError:
            raise
        except Exception as error:  # zipfile's errors have many types, and so have those of its decompressors
            raise ValueError(first_line(error)) from error


def _array(archive: zipfile.ZipFile, entries: set[str], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if f"{name}.npy" not in entries:
        raise ValueError(f"array {name} is missing, expected {shape}")
    with archive.open(f"{name}.npy") as member:
        found, fortran, dtype = read_npy_header(member)  # type: ignore[arg-type]  # all that it needs is `read`
        if found != shape:
            raise ValueError(f"array {name} is {found}, expected {shape}")
        if dtype.kind not in "iuf":
            raise ValueError(f"array {name} is of {dtype}, expected numbers")
        data = member.read(math.prod(shape) * dtype.itemsize)  # fewer where it ends before
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").astype(np.float32)
