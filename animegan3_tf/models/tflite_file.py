"""Verifies a .tflite file before an interpreter sees it: the interpreters of Python trust every offset in it.

The schema's own classes lead through the file. flatbuffers refuses offsets outside of it, and what it lets pass is
looked at here: the ends of texts, and the numbers with which one part refers to another.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from flatbuffers.table import Table

_IDENTIFIER = b"TFL3"
_LARGEST = 1 << 32  # bytes of one tensor
_UNIONS = {"Details": "QuantizationDetails", "ArraySegments": "SparseIndexVector", "ArrayIndices": "SparseIndexVector"}


class DamagedFile(ValueError):
    """A .tflite file is damaged; the message says where."""


def verify_tflite(content: bytes) -> list[str]:
    """Checks that everything in a .tflite file lies within it and that its parts fit together.

    Args:
        content: The file.

    Returns:
        The names of the operations in it that are not TFLite's own.

    Raises:
        DamagedFile: They do not.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    if content[4:8] != _IDENTIFIER:
        raise DamagedFile("it does not begin as a TFLite file")
    try:
        model = schema.Model.GetRootAs(content, 0)
        _verify_table(model, schema, set())
        _verify_numbers(model, len(content))
        codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
        return [code.CustomCode().decode(errors="replace") for code in codes if code.CustomCode() is not None]
    except (struct.error, IndexError, TypeError, ValueError, AttributeError) as error:  # as flatbuffers refuses offsets
        raise error if isinstance(error, DamagedFile) else DamagedFile("an offset leads out of the file") from None


class _Strict(Table):
    """A table whose texts end within the file, which flatbuffers does not look at."""

    def String(self, off: int) -> bytes:  # flatbuffers's name
        start = self.Indirect(off)
        (length,) = struct.unpack_from("<I", self.Bytes, start)
        if start + 4 + length >= len(self.Bytes):  # a zero follows it
            raise DamagedFile("a text leads out of the file")
        return super().String(off)


def _verify_table(one: Any, schema: Any, seen: set[tuple[type, int]]) -> None:
    """Reads every field of a table and of those below it, each once: files may share tables."""
    kind: type = type(one)
    if (kind, one._tab.Pos) in seen:
        return
    seen.add((kind, one._tab.Pos))
    one._tab = _Strict(one._tab.Bytes, one._tab.Pos)
    for name in _fields(kind):
        read = getattr(one, name)
        if (as_numpy := getattr(one, f"{name}AsNumpy", None)) is not None:
            as_numpy()
        elif (length := getattr(one, f"{name}Length", None)) is not None:
            for index in range(length()):
                _verify_value(read(index), schema, seen)
        elif isinstance(value := read(), Table):
            number = getattr(one, f"{name}Type")()
            titles = {value: title for title, value in vars(getattr(schema, _UNIONS.get(name, name))).items()}
            if number not in titles:
                raise DamagedFile(f"it has a {name} of unknown type {number}")
            table = getattr(schema, titles[number])()
            table.Init(value.Bytes, value.Pos)
            _verify_table(table, schema, seen)
        else:
            _verify_value(value, schema, seen)


def _verify_value(value: Any, schema: Any, seen: set[tuple[type, int]]) -> None:
    if hasattr(value, "_tab"):
        _verify_table(value, schema, seen)


@functools.cache
def _fields(table: type) -> tuple[str, ...]:
    """The names of the methods that read a table's fields."""
    others = ("Length", "AsNumpy", "IsNone")
    names = [name for name in vars(table) if name[0].isupper() and name != "Init" and not name.startswith("GetRoot")]
    helpers = {name + other for name in names for other in others}
    return tuple(name for name in names if name not in helpers and not name.endswith("BufferHasIdentifier"))


def _verify_numbers(model: Any, size: int) -> None:
    """Checks the numbers by which the parts of a model refer to each other, and the sizes of tensors."""
    codes, buffers = model.OperatorCodesLength(), [model.Buffers(i) for i in range(model.BuffersLength())]
    for buffer in buffers:
        if buffer.Offset() > 1 and buffer.Offset() + buffer.Size() > size:
            raise DamagedFile("a buffer leads out of the file")
    _within([model.Metadata(i).Buffer() for i in range(model.MetadataLength())], len(buffers), "a buffer")
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    for graph in graphs:
        tensors = graph.TensorsLength()
        for i in range(tensors):
            _verify_tensor(graph.Tensors(i), buffers)
        _within([*_listed(graph.InputsAsNumpy()), *_listed(graph.OutputsAsNumpy())], tensors, "a tensor")
        for i in range(graph.OperatorsLength()):
            operator = graph.Operators(i)
            _within([operator.OpcodeIndex()], codes, "an operation")
            optional = [*_listed(operator.InputsAsNumpy()), *_listed(operator.IntermediatesAsNumpy())]
            _within([index for index in optional if index != -1], tensors, "a tensor")
            _within(_listed(operator.OutputsAsNumpy()), tensors, "a tensor")


def _verify_tensor(tensor: Any, buffers: Sequence[Any]) -> None:
    _within([tensor.Buffer()], len(buffers), "a buffer")
    shape = _listed(tensor.ShapeAsNumpy())
    if any(side < 0 for side in shape) or math.prod(shape) > _LARGEST:
        raise DamagedFile(f"a tensor has shape {shape}")


def _within(numbers: Sequence[int], count: int, what: str) -> None:
    """Checks numbers of things of which there are `count`."""
    for number in numbers:
        if not 0 <= number < count:
            raise DamagedFile(f"it names {what} {number} of {count}")


def _listed(vector: Any) -> list[int]:
    """The numbers of a vector; flatbuffers has 0 for one that is missing."""
    return vector.tolist() if isinstance(vector, np.ndarray) else []
