"""Reads the lineage's vgg19.npy, a pickled dictionary of arrays, without unpickling it.

A pickle is a program that may call anything. This reader walks its instructions and understands only those that spell
dictionaries, lists, tuples, numbers, text and NumPy arrays; every other one is refused, and nothing is ever called
but `numpy.frombuffer`.
"""

import pickletools
from pathlib import Path

import numpy as np

_MARK = object()
_ARRAY_MAKERS = {"numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"}
_TYPES = {"numpy ndarray", "numpy dtype"}
_PUSHED_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = {"PROTO", "FRAME", "STOP"}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "INT", "LONG1", "SHORT_BINSTRING", "BINSTRING", "BINUNICODE"),
    *("SHORT_BINUNICODE", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "UNICODE", "STRING"),
}


class _Array:
    """An array under construction: its state arrives in a later instruction."""

    def __init__(self):
        self.value = None

    def build(self, state):
        _, shape, dtype, fortran, data = state
        if dtype.value.hasobject:  # the dictionary itself stands in an array of no axes
            if shape != () or len(data) != 1:
                raise ValueError("it does not hold a dictionary of arrays")
            self.value = data[0]
            return
        data = data.encode("latin1") if isinstance(data, str) else data
        self.value = np.frombuffer(data, dtype.value).reshape(shape, order="F" if fortran else "C")


class _DataType:
    """A dtype under construction: the kind comes first, the byte order in its state."""

    def __init__(self, kind):
        self.value = np.dtype(kind)

    def build(self, state):
        if not self.value.hasobject:
            self.value = self.value.newbyteorder(state[1])


def read_pickled_arrays(path):
    """The {name: [array, ...]} dictionary saved by `numpy.save` in an object .npy file.

    Raises ValueError for anything else.
    """
    with Path(path).open("rb") as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"its .npy version {version} is not known")
        shape, _, dtype = readers[version](file)
        if not dtype.hasobject or shape != ():
            raise ValueError("it does not hold a dictionary of arrays")
        try:
            return _resolve(_interpret(pickletools.genops(file)))
        except (IndexError, KeyError, AttributeError, TypeError) as error:  # instructions that do not fit together
            raise ValueError(f"its instructions are damaged ({type(error).__name__})") from error


def _interpret(instructions):
    stack, memo, last = [], {}, None
    for opcode, argument, _ in instructions:
        name = opcode.name
        if name in _IGNORED:
            continue
        if name in _LITERALS:
            stack.append(argument)
        elif name in _PUSHED_CONSTANTS:
            stack.append(_PUSHED_CONSTANTS[name])
        elif name in ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(memo[int(argument)])
        elif name == "GLOBAL":
            stack.append(_name(argument))
        elif name == "STACK_GLOBAL":
            attribute, module = stack.pop(), stack.pop()
            stack.append(_name(f"{module} {attribute}"))
        else:
            _structure(name, stack)
        last = name
    if len(stack) != 1:
        raise ValueError(f"its instructions end after {last} with {len(stack)} values")
    return stack[0]


def _name(full):
    if full == "_codecs encode":  # how Python 3 spells bytes in protocol 2
        return full
    if full not in _ARRAY_MAKERS | _TYPES:
        raise ValueError(f"it names {full!r}, which is not part of an array")
    return full


def _structure(name, stack):
    if name == "MARK":
        stack.append(_MARK)
    elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_TUPLE"):
        stack.append({"EMPTY_DICT": {}, "EMPTY_LIST": [], "EMPTY_TUPLE": ()}[name])
    elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
        count = int(name[-1]) if name[-1].isdigit() else None
        items = _to_mark(stack) if count is None else [stack.pop() for _ in range(count)][::-1]
        stack.append(tuple(items))
    elif name in ("APPEND", "APPENDS"):
        items = [stack.pop()] if name == "APPEND" else _to_mark(stack)
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = [stack.pop(), stack.pop()][::-1] if name == "SETITEM" else _to_mark(stack)
        stack[-1].update(zip(items[::2], items[1::2]))
    elif name == "REDUCE":
        arguments, maker = stack.pop(), stack.pop()
        stack.append(_make(maker, arguments))
    elif name == "BUILD":
        state = stack.pop()
        stack[-1].build(state)
    else:
        raise ValueError(f"it contains the instruction {name}, which arrays do not need")


def _to_mark(stack):
    items = []
    while stack[-1] is not _MARK:
        items.append(stack.pop())
    stack.pop()
    return items[::-1]


def _make(maker, arguments):
    if maker in _ARRAY_MAKERS:
        return _Array()
    if maker == "numpy dtype":
        return _DataType(arguments[0])
    if maker == "_codecs encode":
        return arguments[0].encode(arguments[1])
    raise ValueError(f"it calls {maker!r}")


def _resolve(value):
    """Replaces the arrays under construction by arrays."""
    if isinstance(value, _Array):
        return _resolve(value.value)
    if isinstance(value, dict):
        return {key: _resolve(item) for key, item in value.items()}
    return [_resolve(item) for item in value] if isinstance(value, (list, tuple)) else value
