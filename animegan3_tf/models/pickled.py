"""Pickles read as data: a walker over their opcodes that runs nothing, and NumPy arrays in them."""

from __future__ import annotations

import io
import os
import pickletools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import numpy as np

from animegan3_tf.common.files import regular_file
from animegan3_tf.common.npy import read_npy_header

_T = TypeVar("_T")
_MARK = object()
_LINE = 256  # bytes: more than any name of a module and its class
_SPARE = 1 << 16  # bytes that makers may copy beyond twice the size of the pickle
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}
_IGNORED = {"PROTO", "FRAME", "STOP"}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "INT", "LONG1", "BINFLOAT", "SHORT_BINSTRING", "BINSTRING", "BINUNICODE"),
    *("SHORT_BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "UNICODE", "STRING"),
}
_DAMAGE = (IndexError, KeyError, AttributeError, TypeError, OverflowError, RecursionError)
_KEYS = (str, bytes, int, float, type(None))  # a tuple may be nested so deeply that hashing it ends the process


class UnknownName(ValueError):
    """The pickle names a class or a function that its reader does not know."""


@dataclass(frozen=True)
class Maker:
    """A name that a pickle may call: `make` takes the arguments in the pickle and checks them."""

    make: Callable[..., Any]


class Buildable:
    """A value whose state arrives in a later instruction."""

    def build(self, state: Any) -> None:
        """Takes the state, or raises ValueError."""
        raise NotImplementedError


def check_key(value: Any) -> Any:
    """Returns a key of a dictionary or a member of a set; raises ValueError unless it is text, a number or None."""
    if not isinstance(value, _KEYS):
        raise ValueError(f"it uses a {type(value).__name__} as a key")
    return value


def walk_pickle(file: BinaryIO, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None = None) -> Any:
    """Returns the value that a pickle spells.

    Args:
        file: Open at the first byte of the pickle, and seekable; it is left behind the last one.
        names: {"module name": its value}. Only a `Maker` can be called, only a `Buildable` be given a state.
        persistent: Returns the value of a persistent id (PyTorch: of a storage); without it such ids are refused.

    Raises:
        UnknownName: The pickle names something that `names` does not hold.
        ValueError: The pickle is damaged, or has an instruction that data do not need.
    """
    pickle = _Pickle(file)
    walker = _Walker(names, persistent, pickle)
    try:
        # genops needs no more of a file than `_Pickle` has
        for opcode, argument, _ in pickletools.genops(pickle):  # type: ignore[arg-type]
            walker.do(opcode.name, argument)
        return walker.result()
    except _DAMAGE as error:  # instructions that do not fit together
        raise ValueError(f"its instructions are damaged ({type(error).__name__})") from error


class _Pickle:
    """The file that `pickletools.genops` reads; nothing is read beyond its end."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.start = file, file.tell()
        self.end = file.seek(0, io.SEEK_END)
        file.seek(self.start)

    def tell(self) -> int:
        return self.file.tell()

    def read(self, count: int) -> bytes:
        if count > self.end - self.file.tell():
            raise ValueError("it ends in the middle")
        return self.file.read(count)

    def readline(self) -> bytes:
        line = self.file.readline(_LINE)
        if not line.endswith(b"\n"):
            raise ValueError("it has a name that is too long")
        return line


class _Walker:
    """The stack and the memo of a pickle."""

    def __init__(self, names: Mapping[str, Any], persistent: Callable[[Any], Any] | None, pickle: _Pickle) -> None:
        self.names, self.persistent, self.pickle = names, persistent, pickle
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0

    def result(self) -> Any:
        if len(self.stack) != 1:
            raise ValueError(f"it spells {len(self.stack)} values, not one")
        return self.stack[0]

    def do(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _IGNORED:
            return
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[int(argument)])
        elif name == "GLOBAL":
            stack.append(self._named(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(self._named(f"{module} {attribute}"))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, maker = stack.pop(), stack.pop()
            stack.append(self._make(maker, arguments))
        elif name == "BUILD":
            self._build(stack.pop())
        elif name == "BINPERSID" and self.persistent is not None:
            stack.append(self.persistent(stack.pop()))
        else:
            self._structure(name)

    def _named(self, full: str) -> Any:
        if full not in self.names:
            raise UnknownName(f"it names {full[:_LINE]!r}, which is not part of the data known here")
        return self.names[full]

    def _make(self, maker: Any, arguments: Any) -> Any:
        if not isinstance(maker, Maker) or not isinstance(arguments, tuple):
            raise ValueError(f"it calls a {type(maker).__name__}")
        self._copy(arguments)
        return maker.make(*arguments)

    def _build(self, state: Any) -> None:
        if not isinstance(self.stack[-1], Buildable):
            raise ValueError(f"it gives a state to a {type(self.stack[-1]).__name__}")
        self._copy(state)
        self.stack[-1].build(state)

    def _copy(self, values: Any) -> None:
        """Counts copied values: a few bytes may name a large one again and again, and its copies would fill memory."""
        self.copied += len(values) + sum(len(v) for v in values if isinstance(v, (str, bytes, list, tuple, dict, set)))
        if self.copied > _SPARE + 2 * (self.pickle.tell() - self.pickle.start):
            raise ValueError("it spells more data than it holds")

    def _structure(self, name: str) -> None:
        stack = self.stack
        if name == "MARK":
            stack.append(_MARK)
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1]) if name[-1].isdigit() else None
            items = self._to_mark() if count is None else [stack.pop() for _ in range(count)][::-1]
            stack.append(tuple(items))
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self._to_mark()
            _typed(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(), stack.pop()][::-1] if name == "SETITEM" else self._to_mark()
            _typed(stack[-1], dict).update(zip(map(check_key, items[::2]), items[1::2]))
        elif name == "ADDITEMS":
            items = self._to_mark()
            _typed(stack[-1], set).update(map(check_key, items))
        else:
            raise ValueError(f"it contains the instruction {name}, which data do not need")

    def _to_mark(self) -> list[Any]:
        items = []
        while self.stack[-1] is not _MARK:
            items.append(self.stack.pop())
        self.stack.pop()
        return items[::-1]


def _typed(value: Any, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise ValueError(f"it adds to a {type(value).__name__} as to a {kind.__name__}")
    return value


_NUMBERS = re.compile(r"[<>|=]?[biufc]\d{1,2}|O8?")


class PickledArray(Buildable):
    """An array under construction.

    Attributes:
        value: The array, or the one object in an object array of no axes; None until its state has arrived.
    """

    def __init__(self) -> None:
        self.value: Any = None

    def build(self, state: Any) -> None:
        """Takes (version, shape, dtype, in Fortran's order, data)."""
        _, shape, dtype, fortran, data = state
        if dtype.value.hasobject:  # numpy.save puts a dictionary into an array of no axes
            if shape != () or len(data) != 1:
                raise ValueError("it does not hold a dictionary of arrays")
            self.value = data[0]
            return
        data = data.encode("latin1") if isinstance(data, str) else data
        self.value = np.frombuffer(data, dtype.value).reshape(shape, order="F" if fortran else "C")


class _DataType(Buildable):
    """A dtype under construction: the kind comes first, the byte order in its state."""

    def __init__(self, kind: str) -> None:
        if not _NUMBERS.fullmatch(kind):
            raise ValueError(f"it holds an array of {kind[:20]!r}, not of numbers")
        self.value = np.dtype(kind)

    def build(self, state: Any) -> None:
        if not self.value.hasobject:
            self.value = self.value.newbyteorder(state[1])


def _encode(text: str, encoding: str) -> bytes:
    """Makes bytes as Python 3 spells them in protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


_ARRAY = Maker(lambda *_: PickledArray())
ARRAY_NAMES = {
    "numpy.core.multiarray _reconstruct": _ARRAY,
    "numpy._core.multiarray _reconstruct": _ARRAY,
    "numpy ndarray": "ndarray",
    "numpy dtype": Maker(lambda kind, *_: _DataType(kind)),
    "_codecs encode": Maker(_encode),
}


def read_pickled_arrays(path: str | os.PathLike) -> dict[str, list[np.ndarray]]:
    """Reads the dictionary {name: [array, ...]} that `numpy.save` wrote into an object .npy file.

    Raises:
        ValueError: The file holds anything else.
    """
    with regular_file(path).open("rb") as file:
        shape, _, dtype = read_npy_header(file)
        if not dtype.hasobject or shape != ():
            raise ValueError("it does not hold a dictionary of arrays")
        outer = walk_pickle(file, ARRAY_NAMES)
    arrays = outer.value if isinstance(outer, PickledArray) else None
    if not isinstance(arrays, dict) or not all(map(_are_arrays, arrays.values())):
        raise ValueError("it does not hold a dictionary of arrays")
    return {name: [array.value for array in several] for name, several in arrays.items()}


def _are_arrays(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(
        isinstance(value, PickledArray) and isinstance(value.value, np.ndarray) for value in values
    )
