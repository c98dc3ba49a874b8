"""The two containers of PyTorch files: an object, and the bytes of the storages that it names."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any, BinaryIO

from animegan3_tf.models.pickle_walker import walk_pickle
from animegan3_tf.models.torch_tensor import TORCH_NAMES, Storage, Storages

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_TAR = slice(257, 262)  # where tar files say "ustar"
# zipfile raises these for damaged files
_ZIP_DAMAGE = (zipfile.BadZipFile, struct.error, NotImplementedError, RuntimeError, EOFError, OverflowError)


class OtherKind(ValueError):
    """The file is not of the two kinds that are read; it need not be damaged."""


def open_container(file: BinaryIO) -> _Zip | _Stream:
    """Returns the container in a file; the first bytes show its kind.

    Raises:
        OtherKind: The file is not a PyTorch file, or one of a kind that is not read.
        ValueError: The file is damaged, or holds more than data.
        OSError: The file cannot be read.
    """
    file.seek(0)
    start = file.read(_TAR.stop)
    file.seek(0)
    if start.startswith(b"PK"):
        return _Zip(file)
    if start[_TAR] == b"ustar":
        raise OtherKind("it is a tar file, as PyTorch wrote before 2017; load it with PyTorch and save it again")
    if start.startswith(b"\x80"):
        return _Stream(file)
    raise OtherKind("it is neither a zip file nor a stream of PyTorch; give a .pt or .pth file")


class _Zip:
    """PyTorch 1.6 and later: ROOT/data.pkl is the object, ROOT/data/KEY a storage, stored uncompressed.

    Attributes:
        contents: The object, with unread tensors in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._open(file)
        except _ZIP_DAMAGE as error:
            raise ValueError(f"its zip container has a fault: {error}") from error

    def _open(self, file: BinaryIO) -> None:
        size = file.seek(0, io.SEEK_END)
        self._zip = zipfile.ZipFile(file)
        self._entries = {entry.filename: entry for entry in self._zip.infolist()}
        for name, entry in self._entries.items():
            if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
                raise ValueError(f"its entry {name[:60]!r} is compressed, which PyTorch does not do")
            if entry.header_offset + entry.file_size > size:
                raise ValueError(f"its entry {name[:60]!r} leaves the file")
        roots = [name[: -len("data.pkl")] for name in self._entries if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ValueError(f"it has {len(roots)} entries data.pkl, not one")
        root = roots[0]
        order = f"{root}byteorder"
        if order in self._entries and self._zip.read(order) != b"little":
            raise ValueError("its numbers are big-endian")
        self._data = f"{root}data/"
        storages = Storages()
        self.contents: Any = walk_pickle(io.BytesIO(self._zip.read(f"{root}data.pkl")), TORCH_NAMES, storages)
        start = len(self._data)
        stored = {name[start:]: e.file_size for name, e in self._entries.items() if name.startswith(self._data)}
        storages.check(stored)

    def read(self, storage: Storage) -> bytes:
        """Returns the bytes of a storage; raises ValueError where their checksum is wrong."""
        try:
            return self._zip.read(self._data + storage.key)
        except _ZIP_DAMAGE as error:
            raise ValueError(f"its zip container has a fault: {error}") from error


class _Stream:
    """PyTorch up to 1.5: five pickles, then the storages.

    The pickles are a magic number, a protocol number, the machine's sizes, the object, and the keys of the storages. Of
    each storage, in the order of the keys, there is the count of its numbers and the numbers.

    Attributes:
        contents: The object, with unread tensors in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        if walk_pickle(file, {}) != _MAGIC:
            raise OtherKind("it is a pickle, but not a stream of PyTorch; give a .pt or .pth file")
        protocol, system = walk_pickle(file, {}), walk_pickle(file, {})
        if protocol != _PROTOCOL:
            raise ValueError(f"its protocol is {str(protocol)[:20]}, not {_PROTOCOL}")
        if not isinstance(system, dict) or system.get("little_endian") is not True:
            raise ValueError("its numbers are big-endian")
        storages = Storages()
        self.contents: Any = walk_pickle(file, TORCH_NAMES, storages)
        keys = walk_pickle(file, {})
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys):
            raise ValueError("it has no list of its storages")
        self._starts = self._find(keys, storages)

    def _find(self, keys: list[str], storages: Storages) -> dict[str, int]:
        """{key: offset of its first number}; the sizes are checked against those in the object."""
        position = self._file.tell()
        end = self._file.seek(0, io.SEEK_END)
        starts: dict[str, int] = {}
        sizes: dict[str, int] = {}
        for key in keys:
            if key not in storages.named:
                raise ValueError(f"it holds storage {key[:60]!r}, which nothing refers to")
            self._file.seek(position)
            count = self._file.read(8)
            if len(count) < 8:
                raise ValueError("it ends in the middle")
            starts[key] = position + 8
            sizes[key] = int.from_bytes(count, "little") * storages.named[key].dtype.itemsize
            position = starts[key] + sizes[key]
            if position > end:
                raise ValueError("it ends in the middle")
        storages.check(sizes)
        return starts

    def read(self, storage: Storage) -> bytes:
        """Returns the bytes of a storage; raises ValueError where the file has become shorter."""
        self._file.seek(self._starts[storage.key])
        data = self._file.read(storage.bytes)
        if len(data) != storage.bytes:
            raise ValueError("it ends in the middle")
        return data
