"""The values in PyTorch's pickles: storages of numbers, and tensors that are views of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from animegan3_tf.models.pickled import ARRAY_NAMES, Buildable, Maker, check_key

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
            strides = [stride * size for stride in self.strides]
            array = np.ndarray(self.shape, dtype, data, self.offset * size, strides)
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


class _Namespace(dict, Buildable):
    """The options of argparse, as a dictionary."""

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
    "argparse Namespace": Maker(_Namespace),
}


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
