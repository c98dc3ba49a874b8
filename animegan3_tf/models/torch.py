"""PyTorch files, zip and legacy stream, read as named arrays; nothing in them is run."""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Union

import numpy as np

from animegan3_tf.common.errors import UserError, first_line, one_line
from animegan3_tf.common.files import regular_file
from animegan3_tf.models.pickled import ARRAY_NAMES, Buildable, Maker, PickledArray, UnknownName, check_key, walk_pickle

_EXPANDED = 1 << 20  # numbers that a tensor may have beyond those of its storage: one that repeats them
_BFLOAT16 = np.dtype("V2")  # NumPy has none: the upper half of a float32
_STORAGE_TYPES = {
    **{"DoubleStorage": np.dtype("<f8"), "FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2")},
    **{"BFloat16Storage": _BFLOAT16, "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4")},
    **{"ShortStorage": np.dtype("<i2"), "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1")},
    "BoolStorage": np.dtype("?"),
}
_DTYPES = (
    *("float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "bool"),
    *("half", "float", "double", "short", "int", "long"),
)


@dataclass(frozen=True)
class Storage:
    """A row of numbers in a file.

    Attributes:
        key: Its name in the file.
        dtype: The type of the numbers, little-endian.
        count: The number of numbers.
    """

    key: str
    dtype: np.dtype
    count: int

    @property
    def bytes(self) -> int:
        """Its size in the file."""
        return self.count * self.dtype.itemsize


@dataclass(frozen=True)
class StorageView:
    """A part of a storage: `count` numbers from number `first` on."""

    storage: Storage
    first: int
    count: int


@dataclass(frozen=True)
class Tensor:
    """A tensor that has not been read.

    Attributes:
        storage: The storage that holds its numbers.
        offset: The index of its first number in the storage.
        shape: Its shape.
        strides: Steps in the storage along each axis, in numbers.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, data: bytes) -> np.ndarray:
        """Returns the tensor as an array of its own, bfloat16 as float32.

        Args:
            data: All bytes of its storage.

        Raises:
            ValueError: NumPy allows no array of this shape.
        """
        dtype = self.storage.dtype
        if 0 in self.shape:
            array = np.zeros(self.shape, dtype)
        else:
            size = dtype.itemsize
            array = np.ndarray(self.shape, dtype, data, self.offset * size, [stride * size for stride in self.strides])
        if dtype == _BFLOAT16:
            upper = np.ascontiguousarray(array).view("<u2").astype("<u4")
            return (upper << 16).view("<f4").reshape(self.shape)
        if dtype == np.bool_:
            return np.asarray(array.view("u1") != 0)  # a byte that is neither 0 nor 1 makes NumPy's comparisons unsound
        return array.copy()


class _OrderedDict(dict, Buildable):
    """A state dict; the versions of its modules, which arrive as its state, are left out."""

    def build(self, state: Any) -> None:
        pass


class _Attributes(dict, Buildable):
    """The attributes of an object: the options of argparse, or the parts and parameters of a module of TorchScript."""

    def build(self, state: Any) -> None:
        self.update((check_key(key), value) for key, value in state.items())


def _ordered_dict(pairs: Any = ()) -> _OrderedDict:
    return _OrderedDict((check_key(key), value) for key, value in pairs)


def _rebuild_tensor(view: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    if not isinstance(view, StorageView) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise ValueError("it holds a tensor without a storage, shape or strides")
    numbers = (offset, *shape, *strides)
    if any(type(number) is not int or number < 0 for number in numbers) or len(shape) != len(strides):
        raise ValueError(f"it holds a tensor of shape {_short(shape)}, strides {_short(strides)} at {_short(offset)}")
    last = offset + sum((side - 1) * stride for side, stride in zip(shape, strides)) if 0 not in shape else offset - 1
    if last >= view.count:
        raise ValueError(
            f"it holds a tensor of shape {_short(shape)} that ends at number {_short(last)} of a storage of "
            f"{_short(view.count)}"
        )
    if math.prod(shape) > max(view.count, _EXPANDED):
        raise ValueError(f"it repeats a storage of {_short(view.count)} numbers to the shape {_short(shape)}")
    return Tensor(view.storage, view.first + offset, shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else f"{text[:60]}..."


TORCH_NAMES = {
    **ARRAY_NAMES,
    **{f"torch {name}": dtype for name, dtype in _STORAGE_TYPES.items()},
    **{f"torch {name}": f"torch.{name}" for name in _DTYPES},
    "collections OrderedDict": Maker(_ordered_dict),
    "torch._utils _rebuild_tensor": Maker(_rebuild_tensor),
    "torch._utils _rebuild_tensor_v2": Maker(_rebuild_tensor),
    "torch._utils _rebuild_parameter": Maker(_rebuild_parameter),
    "torch Size": Maker(tuple),
    "torch device": Maker(lambda *parts: ":".join(map(str, parts))),
    "__builtin__ set": Maker(lambda members=(): set(map(check_key, members))),
    "builtins set": Maker(lambda members=(): set(map(check_key, members))),
    "argparse Namespace": Maker(_Attributes),
    **{f"torch.jit._pickle build_{kind}list": Maker(list) for kind in ("int", "double", "bool", "tensor")},
}
_SCRIPT = "__torch__."  # begins the names of TorchScript's classes


class _Names(Mapping[str, Any]):
    """`TORCH_NAMES`, and every class of TorchScript."""

    def __getitem__(self, name: str) -> Any:
        return Maker(_Attributes) if name.startswith(_SCRIPT) else TORCH_NAMES[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TORCH_NAMES)

    def __len__(self) -> int:
        return len(TORCH_NAMES)


class Storages:
    """Collects the storages that a pickle names.

    Attributes:
        named: The storages by key.
    """

    def __init__(self) -> None:
        self.named: dict[str, Storage] = {}

    def __call__(self, identity: Any) -> StorageView:
        """Returns the view that a persistent id stands for.

        Args:
            identity: ("storage", type, key, location, count[, None or (key, first, count)]).

        Raises:
            ValueError: The id is anything else, or contradicts an earlier one.
        """
        if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != "storage":
            raise ValueError("it refers to something that is not a storage")
        _, dtype, key, _, count, *view = identity
        if not isinstance(dtype, np.dtype) or not isinstance(key, str) or type(count) is not int or count < 0:
            raise ValueError("it has a storage without a type, key or size")
        storage = Storage(key, dtype, count)
        if self.named.setdefault(key, storage) != storage:
            raise ValueError(f"it gives storage {key[:60]!r} two types or sizes")
        if not view or view[0] is None:
            return StorageView(storage, 0, count)
        _, first, part = view[0]
        if type(first) is not int or type(part) is not int or not 0 <= first <= first + part <= count:
            raise ValueError(f"it has a view that leaves storage {key[:60]!r}")
        return StorageView(storage, first, part)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Checks that the file holds every named storage in its size.

        Args:
            sizes: {key: bytes} of the storages in the file.

        Raises:
            ValueError: A storage is missing or of another size.
        """
        for key, storage in self.named.items():
            if key not in sizes:
                raise ValueError(f"it lacks storage {key[:60]!r}")
            if sizes[key] != storage.bytes:
                raise ValueError(f"its storage {key[:60]!r} has {sizes[key]} bytes, not {_short(storage.bytes)}")


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
            if "/code/" in name:  # TorchScript's, which nobody reads
                continue
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
        self.contents: Any = walk_pickle(io.BytesIO(self._zip.read(f"{root}data.pkl")), _Names(), storages)
        stored = {name: e.file_size for name, e in self._entries.items() if name.startswith(self._data)}
        storages.check({name[len(self._data) :]: size for name, size in stored.items()})

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


WRAPPERS = ("g_ema", "state_dict")  # entries that hold the weights in published files, the preferred first
_PARALLEL = "module."  # DataParallel puts it before every name
_DEPTH = 64  # a value that holds itself has no end

Source = Union[Tensor, np.ndarray]  # an array in the file, or one that the pickle itself holds


class Arrays(Mapping[str, np.ndarray]):
    """Arrays by name, each read from the file when it is asked for and not kept."""

    def __init__(self, sources: dict[str, Source], read: Callable[[Tensor], np.ndarray]) -> None:
        self._sources, self._read = sources, read

    def __getitem__(self, name: str) -> np.ndarray:
        """Raises UserError when the file turns out to be damaged there."""
        source = self._sources[name]
        return self._read(source) if isinstance(source, Tensor) else source.copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of an array without reading it."""
        return tuple(self._sources[name].shape)


class TorchFile(contextlib.AbstractContextManager):
    """An open PyTorch file (.pt, .pth, .bin), of the zip container or of the older stream.

    Attributes:
        name: The name of the file in errors.
        contents: The saved object as plain values, with unread `Tensor`s and NumPy arrays in it.
        arrays: All arrays in it; the one at contents["a"]["b"] is called "a/b", those in lists have numbers. An array
            that stands in two places has the name of the first. Arrays keep PyTorch's layout (kernels [out, in, height,
            width]) and dtype; bfloat16 becomes float32.
    """

    def __init__(self, source: str | os.PathLike | BinaryIO, name: str | None = None) -> None:
        """Opens a file and checks the sizes in it; no array is read yet.

        Args:
            source: A path, or an open binary file, which `close` then leaves open.
            name: The name of the file in errors; the path by default.

        Raises:
            UserError: The file cannot be read, is damaged, or holds more than data: a whole network, or code.
        """
        self.name = str(source) if name is None else name
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opened, self._user_errors():
            if isinstance(source, (str, os.PathLike)):
                source = opened.enter_context(regular_file(source).open("rb"))
            self._container = open_container(source)
            self.contents: Any = _plain(self._container.contents)
            self.arrays = Arrays(_named(self.contents), self._read)
            self._stack = opened.pop_all()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; arrays that were not read yet cannot be read any more."""
        self._stack.close()

    def state_dict(self, key: str | None = None) -> Arrays:
        """Returns the weights of one network by their names in it, such as "conv1.weight".

        The names of DataParallel lose their "module.".

        Args:
            key: The entry of the file that holds them; by default the first of `WRAPPERS` that is there, else the file
                itself.

        Raises:
            UserError: There is no such entry, or no array in it.
        """
        entries = self.contents if isinstance(self.contents, dict) else {}
        if key is None:
            key = next((wrapper for wrapper in WRAPPERS if isinstance(entries.get(wrapper), dict)), None)
        weights = entries if key is None else entries.get(key)
        found = _arrays_of(weights) if isinstance(weights, dict) else {}
        if not found:
            where = "" if key is None else f" in {key!r}"
            known = ", ".join(repr(str(name)[:40]) for name in list(entries)[:12]) or "nothing that has a name"
            raise UserError(f"PyTorch file {self.name!r} holds no weights{where}; it holds {known}")
        if all(name.startswith(_PARALLEL) for name in found):
            found = {name[len(_PARALLEL) :]: source for name, source in found.items()}
        return Arrays(found, self._read)

    def _read(self, tensor: Tensor) -> np.ndarray:
        with self._user_errors():
            return tensor.array(self._container.read(tensor.storage))

    @contextlib.contextmanager
    def _user_errors(self) -> Iterator[None]:
        """Turns the errors of the readers into UserErrors that name the file."""
        try:
            yield
        except UnknownName as error:
            raise UserError(
                f"PyTorch file {self.name!r} is not read: {error}; if you trust it, load it with PyTorch and save "
                "the state_dict alone"
            ) from error
        except OtherKind as error:
            raise UserError(f"{self.name!r} is not read: {error}") from error
        except OSError as error:
            raise UserError(
                f"PyTorch file {self.name!r} cannot be read: {error.strerror or one_line(error)}"
            ) from error
        except UserError:
            raise
        except Exception as error:  # zipfile and NumPy raise anything, also MemoryError
            raise UserError(f"PyTorch file {self.name!r} is damaged: {first_line(error)}; fetch it again") from error


def _plain(value: Any) -> Any:
    """The value with arrays in place of each `PickledArray`; raises ValueError where it has no end."""
    done: dict[int, Any] = {}  # a few bytes may name the same value again and again

    def plain(value: Any, depth: int) -> Any:
        if depth > _DEPTH:
            raise ValueError("it is nested without end")
        if isinstance(value, PickledArray):
            return value.value
        if not isinstance(value, (dict, list, tuple)):
            return value
        if id(value) not in done:
            if isinstance(value, dict):
                done[id(value)] = {key: plain(item, depth + 1) for key, item in value.items()}
            else:
                done[id(value)] = type(value)(plain(item, depth + 1) for item in value)
        return done[id(value)]

    return plain(value, 0)


def _named(contents: Any) -> dict[str, Source]:
    """{path of an array in the contents: its source}."""
    found: dict[str, Source] = {}
    seen = set()

    def collect(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, (Tensor, np.ndarray)):
            name = "/".join(path)
            if name in found:
                raise ValueError(f"it has two arrays {name[:60]!r}")
            found[name] = value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                collect(item, (*path, str(key)))

    collect(contents, ())
    return found


def _arrays_of(weights: dict[Any, Any]) -> dict[str, Source]:
    return {str(name): value for name, value in weights.items() if isinstance(value, (Tensor, np.ndarray))}
