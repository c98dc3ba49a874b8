"""TFRecord framing and the tf.train.Example inside, without TensorFlow, so that processes that write shards start fast.

A frame is the payload's length (8 bytes), the length's checksum (4), the payload and its checksum (4), little-endian.
The checksums are CRC-32C, masked as TensorFlow does so that a checksum of checksums stays meaningful.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import google_crc32c

_HEADER, _CHECKSUM = struct.Struct("<QI"), struct.Struct("<I")


def frame(payload: bytes) -> bytes:
    """Returns one record as it stands in a TFRecord file."""
    length = struct.pack("<Q", len(payload))
    return b"".join([length, _CHECKSUM.pack(_masked(length)), payload, _CHECKSUM.pack(_masked(payload))])


def read_frame(file: BinaryIO, offset: int) -> bytes:
    """Reads one record.

    Args:
        file: A TFRecord file.
        offset: The byte at which the record begins.

    Returns:
        Its payload.

    Raises:
        ValueError: The record is cut short or damaged.
    """
    file.seek(offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise ValueError("it is cut short")
    length, checksum = _HEADER.unpack(header)
    if _masked(header[:8]) != checksum:  # before the length is used: a wrong one may ask for exabytes
        raise ValueError("the checksum of its length does not fit")
    body = file.read(length + _CHECKSUM.size)
    if len(body) < length + _CHECKSUM.size:
        raise ValueError("it is cut short")
    if _CHECKSUM.pack(_masked(body[:length])) != body[length:]:
        raise ValueError("its checksum does not fit")
    return body[:length]


def example(features: dict[str, bytes]) -> bytes:
    """Serializes a tf.train.Example.

    Args:
        features: {name: value}, one byte string each.

    Returns:
        The message, with the features sorted by name: equal features give equal bytes.
    """
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _field(1, _field(1, value))))  # map entry, Feature, BytesList
        for name, value in sorted(features.items())
    )
    return _field(1, b"".join(entries))


def _field(number: int, content: bytes) -> bytes:
    """Returns a length-delimited field of a protocol buffer message."""
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
