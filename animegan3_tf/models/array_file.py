"""HDF5 files of named arrays: sealed by a checksum when they are written, and not believed when they are read.

A sealed file begins with a magic word and the SHA-256 of everything behind them, in a block that HDF5 leaves alone. The
seal shows damage, not malice: anyone can compute it.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import parse_json, whole_file

if TYPE_CHECKING:
    import h5py
    import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"  # the first bytes of a file without a seal
LARGEST = 1 << 30  # bytes of a file; VGG19 with its top, the largest that is read, has 0.6 GB
_USER_BLOCK = 512  # bytes, the smallest that HDF5 leaves alone
_DEPTH = 16  # groups within groups; Keras nests three
_DEADLINE = 5  # seconds, of which a sound file takes some hundredths


def write_sealed(
    path: str | os.PathLike, magic: bytes, header: Mapping[str, object], arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes a sealed file whole or not at all, and waits until it is on the disk.

    Args:
        path: The file to write.
        magic: Its first bytes, which say what it is.
        header: Entries that JSON can hold; they become the attribute "header" of the root.
        arrays: Arrays by name, where slashes make groups.
    """
    import h5py  # not above: `--help` would wait for it

    # in memory first: HDF5 does not recover from a disk that fills up while it writes
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_USER_BLOCK) as file:
        file.attrs["header"] = json.dumps(header)
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    data = buffer.getbuffer()
    data[: len(magic)] = magic
    data[len(magic) : _sealed_from(magic)] = _checksum(data, magic)
    with whole_file(path, durable=True) as temporary:
        temporary.write_bytes(data)


def seal_holds(data: bytes, magic: bytes) -> bool:
    """Whether the bytes of a file that begins with `magic` are those that were written."""
    return data[len(magic) : _sealed_from(magic)] == _checksum(memoryview(data), magic)


def _sealed_from(magic: bytes) -> int:
    return len(magic) + hashlib.sha256().digest_size


def _checksum(data: memoryview, magic: bytes) -> bytes:
    return hashlib.sha256(data[_sealed_from(magic) :]).digest()


def read_hdf5(data: bytes, arrays: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Reads the header and the arrays by name from the bytes of a file; one that is damaged may raise anything.

    Args:
        data: The bytes.
        arrays: Whether the arrays are wanted; else there are none.
    """
    import h5py

    with h5py.File(io.BytesIO(data), "r") as file:
        return _header(file), read_arrays(file) if arrays else {}


def read_arrays(group: h5py.Group) -> dict[str, np.ndarray]:
    """Reads every array of an open file, or of a group in it, by name; a damaged file may raise anything.

    Raises:
        ValueError: It has something else than arrays of numbers that lie in the file, each once and whole.
    """
    found = dict(_datasets(group))
    declared, size = sum(dataset.nbytes for dataset in found.values()), group.file.id.get_filesize()
    if declared > size:  # before any is read
        raise ValueError(f"it declares {declared:,} bytes of arrays, and has {size:,}")
    return {name: dataset[()] for name, dataset in found.items()}


def _header(file: h5py.File) -> dict[str, Any]:
    if file.attrs.get_id("header").shape != ():
        raise ValueError("its header is not one text")
    header = parse_json(file.attrs["header"])
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header


def _datasets(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yields the arrays by name, checked by what the file says of them; none is read."""
    import h5py

    waiting = [(group, "", 0)]
    seen = set()
    while waiting:
        parent, prefix, depth = waiting.pop()
        if depth > _DEPTH:
            raise ValueError(f"its groups are nested deeper than {_DEPTH}")
        for key in parent:
            name = prefix + key
            if not isinstance(parent.get(key, getlink=True), h5py.HardLink):
                raise ValueError(f"{quote(name)} is a link to another place")
            one = parent[key]
            address = h5py.h5o.get_info(one.id).addr
            if address in seen:
                raise ValueError(f"{quote(name)} has another name as well")
            seen.add(address)
            if isinstance(one, h5py.Group):
                waiting.append((one, f"{name}/", depth + 1))
            elif isinstance(one, h5py.Dataset):
                _check_dataset(name, one)
                yield name, one
            else:
                raise ValueError(f"{quote(name)} is neither a group nor an array")


def _check_dataset(name: str, dataset: h5py.Dataset) -> None:
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{quote(name)} lies in another file")
    if dataset.shape is None or dataset.dtype.kind not in "biuf":
        raise ValueError(f"{quote(name)} holds something else than numbers")
    if dataset.id.get_storage_size() != dataset.nbytes:  # also of compressed arrays, which nothing here writes
        raise ValueError(f"{quote(name)} declares {dataset.nbytes:,} bytes, and has {dataset.id.get_storage_size():,}")


def check_hdf5(path: str | os.PathLike) -> None:
    """Lets another process read what a file without a seal declares: HDF5 may crash over it, or never end.

    Raises:
        UserError: It crashed or did not end. Other damage shows when the file is read.
    """
    # what `multiprocessing` would start imports the user's script again
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import _declared; _declared(sys.argv[1])"
    command = [sys.executable, "-c", code, os.fspath(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            child.stdout.readline()  # type: ignore[union-attr]  # a pipe; imports take as long as they take
            status = child.wait(_DEADLINE)
        except subprocess.TimeoutExpired:
            raise UserError(f"{quote(path)} is damaged: HDF5 reads in it without end; fetch it again") from None
        finally:
            child.kill()
    if status:
        raise UserError(f"{quote(path)} is damaged: HDF5 crashes over it; fetch it again")


def _declared(path: str) -> None:
    """Reads all but the numbers; what is raised will be raised again when the file is read."""
    import h5py

    print(flush=True)
    with contextlib.suppress(Exception), h5py.File(path, "r") as file:
        for _ in _datasets(file):
            pass
        _header(file)
