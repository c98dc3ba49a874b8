"""Writes one TFRecord shard from its sources, as one task that any process on any machine can do."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.data.ledger import not_writable, tool_versions
from animegan3_tf.data.records import Record, apply_stage, open_record
from animegan3_tf.data.shard_folder import NAME, SHA256, read_json, shard_path
from animegan3_tf.data.targets import Stage
from animegan3_tf.data.tfrecord import example, frame
from animegan3_tf.errors import UserError, one_line
from animegan3_tf.files import whole_file, write_json
from animegan3_tf.images import png_bytes


@dataclass(frozen=True)
class ShardTask:
    """One shard to write.

    Attributes:
        out: The folder of the shards.
        number: The shard's number, from 0.
        total: How many shards there are.
        source: The folder of the source images.
        names: The images of this shard, relative to `source`.
        stages: What each record holds: the image itself, then its targets.
        max_pixels: Images with more are rejected.
    """

    out: Path
    number: int
    total: int
    source: Path
    names: tuple[str, ...]
    stages: tuple[Stage, ...]
    max_pixels: int

    @property
    def path(self) -> Path:
        """The file of the shard."""
        return shard_path(self.out, self.number, self.total)

    @property
    def book(self) -> Path:
        """The JSON file that says what the shard was made from and where each record begins."""
        return self.path.with_suffix(".json")


def write_shard(task: ShardTask) -> None:
    """Writes a shard, then its JSON file; the same task gives the same bytes. One image is in memory at a time.

    Sources that cannot be used are left out, and listed in the JSON file with the reason.

    Args:
        task: The shard.

    Raises:
        UserError: The shard cannot be written.
    """
    names: list[str] = []
    offsets: list[int] = []
    rejected: dict[str, str] = {}
    fingerprint = _fingerprint(task)  # before reading: sources that change meanwhile are then seen as changed next time
    try:
        with whole_file(task.path) as temporary, open(temporary, "xb") as file:
            for name in task.names:
                record = _encoded(task, name)
                if isinstance(record, str):
                    rejected[name] = record
                    continue
                names.append(name)
                offsets.append(file.tell())
                file.write(frame(record))
            size = file.tell()
        book = {"fingerprint": fingerprint, "bytes": size, "names": names, "offsets": offsets, "rejected": rejected}
        write_json(task.book, book)
    except OSError as error:
        raise not_writable(task.path, error) from None


def is_current(task: ShardTask) -> bool:
    """Returns whether the shard stands as recorded, made from the sources as they are now, in the same way.

    Sources that were rejected are tried again: the cause need not lie in the file, such as a missing decoder.
    """
    try:
        book = read_json(task.book, task.out)
        stands = task.path.stat().st_size == book["bytes"] and book["fingerprint"] == _fingerprint(task)
        return stands and all(isinstance(_encoded(task, name), str) for name in book["rejected"])
    except (UserError, OSError, KeyError):
        return False


def encode_record(record: Record) -> bytes:
    """Serializes a record.

    Args:
        record: The record.

    Returns:
        A tf.train.Example that holds the name, the source's sha256, and each made image as a PNG.
    """
    images = {stage: png_bytes(made) for stage, made in record.made.items()}
    return example({NAME: os.fsencode(record.name), SHA256: record.sha256.encode(), **images})


def _encoded(task: ShardTask, name: str) -> bytes | str:
    """Makes the record of one source, or returns the one-line reason why it is rejected."""
    try:
        record = open_record(task.source / name, name, task.max_pixels)
        return encode_record(functools.reduce(apply_stage, task.stages, record))
    except (UserError, OSError) as error:
        return one_line(error)


def _fingerprint(task: ShardTask) -> str:
    """Computes a digest that changes with the sources' sizes and times, and with everything made of them."""

    def state(name: str) -> tuple[int, int] | None:
        try:
            found = os.stat(task.source / name)
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns

    made_from = {
        "pictures": [[name, state(name)] for name in task.names],
        "stages": [
            [stage.name, f"{stage.function.__module__}.{stage.function.__qualname__}", stage.parameters]
            for stage in task.stages
        ],
        "made_by": tool_versions(),
        "max_pixels": task.max_pixels,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
