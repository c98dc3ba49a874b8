"""A folder of shards: its files, its summary and its framing."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c
import numpy as np

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, read_json, write_json
from animegan3_tf.common.images import find_images

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


SUMMARY = "shards.json"
NAME, SHA256, PICTURE = "name", "sha256", "picture"  # features of a record; the others are targets
_FORMAT = 1
_SHARD = re.compile(r"pictures-\d{5,}-of-\d{5,}\.(tfrecord|json)")


def shard_path(folder: Path, number: int, total: int) -> Path:
    """Returns the path of shard `number` of `total`."""
    return Path(folder, f"pictures-{number:05d}-of-{total:05d}.tfrecord")


def is_shard_folder(folder: StrPath) -> bool:
    """Returns whether a folder holds shards, finished or not."""
    return Path(folder, SUMMARY).is_file() or bool(shard_files(folder))


def shard_files(folder: StrPath) -> list[Path]:
    """Returns the shards in a folder and their JSON files."""
    return sorted(path for path in Path(folder).glob("pictures-*") if _SHARD.fullmatch(path.name))


def count_images(folder: StrPath) -> int:
    """Counts the images in a folder of files or of shards, without reading one."""
    return len(ShardIndex(folder)) if is_shard_folder(folder) else len(find_images(folder))


def write_summary(folder: Path, shards: int, count: int, about: dict) -> None:
    """Declares a folder complete.

    Args:
        folder: The folder of the shards.
        shards: How many shards it holds.
        count: How many images they hold.
        about: Further entries of shards.json, `stages` {name: parameters} among them.

    Raises:
        OSError: shards.json cannot be written.
    """
    write_json(folder / SUMMARY, {"format": _FORMAT, "shards": shards, "pictures": count, **about})


def shard_stages(folder: StrPath) -> dict[str, dict]:
    """Returns {name: parameters} of the image and the targets in each record of a finished folder."""
    return _summary(Path(folder))["stages"]


class ShardIndex:
    """Where each record of a finished shard folder begins; 8 bytes of memory a record.

    Attributes:
        folder: The folder.
        stages: {name: parameters} of the image and the targets in each record.
        paths: The shards.
    """

    def __init__(self, folder: StrPath) -> None:
        """Reads the JSON files of a folder.

        Args:
            folder: The folder of the shards.

        Raises:
            UserError: The folder is not finished, or a shard is missing or incomplete.
        """
        self.folder = Path(folder)
        summary = _summary(self.folder)
        self.stages = summary["stages"]
        self.paths = [shard_path(self.folder, number, summary["shards"]) for number in range(summary["shards"])]
        offsets = [np.array(self._offsets(path), np.int64) for path in self.paths]
        self._offsets_of_all = np.concatenate(offsets)
        self._ends = np.cumsum([len(part) for part in offsets])
        if len(self) != summary["pictures"]:
            raise _not_whole(self.folder, f"{len(self):,} of {summary['pictures']:,} records")

    def __len__(self) -> int:
        return len(self._offsets_of_all)

    def place(self, index: int) -> tuple[Path, int]:
        """Returns the shard of a record and the byte at which it begins."""
        shard = int(np.searchsorted(self._ends, index, side="right"))
        return self.paths[shard], int(self._offsets_of_all[index])

    def name(self, index: int) -> str:
        """Reads the image's name from the shard's JSON file: names are not kept in memory."""
        shard = int(np.searchsorted(self._ends, index, side="right"))
        first = self._ends[shard - 1] if shard else 0
        return read_shard_json(self.paths[shard].with_suffix(".json"), self.folder)["names"][index - first]

    def _offsets(self, path: Path) -> list[int]:
        about = read_shard_json(path.with_suffix(".json"), self.folder)
        try:
            found = path.stat().st_size
        except OSError:
            raise _not_whole(self.folder, f"{path.name} is missing") from None
        if found != about["bytes"]:
            raise _not_whole(self.folder, f"{path.name} has {found:,} of {about['bytes']:,} bytes")
        return about["offsets"]


def read_shard_json(path: Path, folder: Path) -> dict[str, Any]:
    """Reads a JSON file of a shard folder.

    Args:
        path: The file.
        folder: The folder, for the message.

    Returns:
        The object in it.

    Raises:
        UserError: The file is missing or holds no object, so the folder is not complete.
    """
    try:
        values = read_json(path)
    except FileNotFoundError:
        raise _not_whole(folder, f"{path.name} is missing") from None
    except UserError as error:
        raise _not_whole(folder, str(error)) from None
    if not isinstance(values, dict):
        raise _not_whole(folder, f"{path.name} holds no object")
    return values


def _summary(folder: Path) -> dict[str, Any]:
    summary = read_shard_json(folder / SUMMARY, folder)
    if summary.get("format") != _FORMAT:
        raise UserError(
            f"{quote(folder)} was written by another version; make it again with animegan3 prepare --shards"
        )
    return summary


def _not_whole(folder: Path, why: str) -> UserError:
    return UserError(
        f"the shards in {quote(folder)} are not whole ({why}); run the same animegan3 prepare --shards again"
    )
