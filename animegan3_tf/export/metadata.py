"""Reads and writes TFLite Metadata, the description in a .tflite file that Android Studio and other tools read.

The writer of that format, tflite-support, is no longer released; so this follows its published schema,
metadata_schema.fbs (file identifier M001). The numbers below are the slots of its fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

if TYPE_CHECKING:
    from animegan3_tf.export.check import Card

NAME = "TFLITE_METADATA"  # the name of the entry in the file
_PARSER_VERSION = "1.0.0"  # the oldest reader that knows every field used here
_MODEL = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5, "min_parser_version": 7}
_SUBGRAPHS, _INPUTS, _OUTPUTS = 3, 2, 3
_TENSOR = {"name": 0, "description": 1}
_CONTENT, _PROCESS_UNITS, _STATS = 3, 4, 5
_IMAGE_PROPERTIES, _RGB, _NORMALIZATION = 2, 1, 1  # unions and an enum


def with_metadata(content: bytes, card: Card, source: str, result: str) -> bytes:
    """Adds metadata to a .tflite file.

    Input and output are described as RGB images that are normalised as (level - 127.5) / 127.5. In a file whose input
    and output are bytes, these are the values that the bytes stand for.

    Args:
        content: The file's bytes.
        card: The description of the model.
        source: Description of the input, `photo`.
        result: Description of the output, `anime`.

    Returns:
        The bytes of the new file.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(_packed(card, source, result), np.uint8)
    entry.name, entry.buffer = NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the strings of a .tflite file's metadata.

    Returns:
        "name", "description", "version", "author", "license", "input" and "output"; missing fields are left out, and a
        file without metadata has none.

    Raises:
        ValueError, IndexError, struct.error: The file is not a TFLite file.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    content = bytearray(path.read_bytes())
    if content[4:8] != b"TFL3":
        raise ValueError("it does not begin as a TFLite file")
    model = schema.Model.GetRootAsModel(content, 0)
    entries = (model.Metadata(i) for i in range(model.MetadataLength()))
    packed = next((model.Buffers(e.Buffer()).DataAsNumpy() for e in entries if e.Name().decode() == NAME), None)
    if packed is None:
        return {}
    packed = bytearray(packed)
    root = Table(packed, flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, packed, 0))
    found = {name: _string(root, slot) for name, slot in _MODEL.items() if name != "min_parser_version"}
    for subgraph in _tables(root, _SUBGRAPHS)[:1]:
        for name, slot in (("input", _INPUTS), ("output", _OUTPUTS)):
            for tensor in _tables(subgraph, slot)[:1]:
                found[name] = ": ".join(filter(None, (_string(tensor, field) for field in _TENSOR.values())))
    return {name: text for name, text in found.items() if text}


def _packed(card: Card, source: str, result: str) -> bytes:
    """The metadata's own flatbuffer."""
    builder = flatbuffers.Builder(1024)
    inputs, outputs = (
        _vector(builder, [_tensor(builder, name, text)]) for name, text in (("photo", source), ("anime", result))
    )
    subgraph = _table(builder, {_INPUTS: inputs, _OUTPUTS: outputs})
    texts = {**card.to_dict(), "description": card.description, "min_parser_version": _PARSER_VERSION}
    fields = {slot: builder.CreateString(texts[name]) for name, slot in _MODEL.items()}
    root = _table(builder, {**fields, _SUBGRAPHS: _vector(builder, [subgraph])})
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, name: str, description: str) -> int:
    image = _table(builder, {}, {0: _RGB})
    content = _table(builder, {1: image}, {0: _IMAGE_PROPERTIES})
    half = _floats(builder, [127.5])
    options = _table(builder, {0: half, 1: half})
    unit = _table(builder, {1: options}, {0: _NORMALIZATION})
    stats = _table(builder, {0: _floats(builder, [1.0]), 1: _floats(builder, [-1.0])})
    texts = {slot: builder.CreateString(text) for slot, text in zip(_TENSOR.values(), (name, description))}
    units = _vector(builder, [unit])
    return _table(builder, {**texts, _CONTENT: content, _PROCESS_UNITS: units, _STATS: stats})


def _table(builder: flatbuffers.Builder, offsets: Mapping[int, int], numbers: Mapping[int, int] | None = None) -> int:
    """Writes a table and returns its offset.

    Args:
        builder: Where to write.
        offsets: Offsets of strings, vectors and tables written before, by slot.
        numbers: One-byte numbers, by slot.
    """
    numbers = numbers or {}
    builder.StartObject(max([*offsets, *numbers]) + 1)
    for slot, value in numbers.items():
        builder.PrependUint8Slot(slot, value, 0)
    for slot, value in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _floats(builder: flatbuffers.Builder, values: Sequence[float]) -> int:
    return builder.CreateNumpyVector(np.asarray(values, np.float32))


def _place(table: Table, slot: int) -> int:
    """The position of a field, 0 where it is missing."""
    offset = table.Offset(4 + 2 * slot)
    return offset and offset + table.Pos


def _string(table: Table, slot: int) -> str:
    place = _place(table, slot)
    return table.String(place).decode() if place else ""


def _tables(table: Table, slot: int) -> list[Table]:
    """The tables of a field that is a vector; none where it is missing."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]
