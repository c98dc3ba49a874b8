"""Writes TFLite Metadata, the description in a .tflite file that Android Studio and other tools read.

The writer of that format, tflite-support, is no longer released; so this follows its published schema,
metadata_schema.fbs; `models.exported` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np

from animegan3_tf.export.plan import Card
from animegan3_tf.models.exported import INPUTS, METADATA, MODEL_SLOTS, OUTPUTS, SUBGRAPHS, TENSOR_SLOTS

_PARSER_VERSION = "1.0.0"  # the oldest reader that knows every field used here
_CONTENT, _PROCESS_UNITS, _STATS = 3, 4, 5  # slots of a tensor's fields, as those in models/exported.py
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
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _packed(card: Card, source: str, result: str) -> bytes:
    """The metadata's own flatbuffer."""
    builder = flatbuffers.Builder(1024)
    inputs, outputs = (
        _vector(builder, [_tensor(builder, name, text)]) for name, text in (("photo", source), ("anime", result))
    )
    subgraph = _table(builder, {INPUTS: inputs, OUTPUTS: outputs})
    texts = {**card.to_dict(), "description": card.description, "min_parser_version": _PARSER_VERSION}
    fields = {slot: builder.CreateString(texts[name]) for name, slot in MODEL_SLOTS.items()}
    root = _table(builder, {**fields, SUBGRAPHS: _vector(builder, [subgraph])})
    builder.Finish(root, file_identifier=b"M001")
    return bytes(builder.Output())


def _tensor(builder: flatbuffers.Builder, name: str, description: str) -> int:
    image = _table(builder, {}, {0: _RGB})
    content = _table(builder, {1: image}, {0: _IMAGE_PROPERTIES})
    half = _floats(builder, [127.5])
    options = _table(builder, {0: half, 1: half})
    unit = _table(builder, {1: options}, {0: _NORMALIZATION})
    stats = _table(builder, {0: _floats(builder, [1.0]), 1: _floats(builder, [-1.0])})
    texts = {slot: builder.CreateString(text) for slot, text in zip(TENSOR_SLOTS.values(), (name, description))}
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
