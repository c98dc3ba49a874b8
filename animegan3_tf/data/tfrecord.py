"""TFRecord framing and the tf.train.Example inside, without TensorFlow: what writes shards starts in a moment.

A frame is the payload's length (8 bytes), the length's checksum (4), the payload and its checksum (4), little-endian.
The checksums are CRC-32C, masked as TensorFlow does so that a checksum of checksums stays meaningful.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import google_crc32c

_HEADER, _CHECKSUM = struct.Struct("<QI"), struct.Struct("<I")


def frame(payload: bytes) -> bytes:
    """One record as it stands in a TFRecord file."""
    length = struct.pack("<Q", len(payload))
    return b"".join([length, _CHECKSUM.pack(_masked(length)), payload, _CHECKSUM.pack(_masked(payload))])


def read_frame(file: BinaryIO, offset: int) -> bytes:
    """The payload of the record that begins at `offset`; raises ValueError where it is cut short or damaged."""
    file.seek(offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise ValueError("it is cut short")
    length, checksum = _HEADER.unpack(header)
    if _masked(header[:8]) != checksum:  # before it is believed: a wrong one may ask for exabytes
        raise ValueError("the checksum of its length does not fit")
    body = file.read(length + _CHECKSUM.size)
    if len(body) < length + _CHECKSUM.size:
        raise ValueError("it is cut short")
    if _CHECKSUM.pack(_masked(body[:length])) != body[length:]:
        raise ValueError("its checksum does not fit")
    return body[:length]


def example(features: dict[str, bytes]) -> bytes:
    """A serialized tf.train.Example of byte features, each one value, sorted by name: equal features, equal bytes."""
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _field(1, _field(1, value))))  # map entry, Feature, BytesList
        for name, value in sorted(features.items())
    )
    return _field(1, b"".join(entries))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protocol buffer message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _masked(content: bytes) -> int:
    checksum = google_crc32c.value(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
