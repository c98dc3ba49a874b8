"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")


@contextlib.contextmanager
def whole_file(path: str | os.PathLike, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary path in the same folder; what the block writes there replaces `path` when the block ends.

    Missing folders are made. When the block or the renaming fails, or is interrupted, the temporary file is removed and
    `path` stays as it was. The block creates the file, so its permissions follow the umask.
    durable: only returns when a power cut would leave the new file; the disk is waited for.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        if durable:
            _sync(temporary)  # before the rename: else the new name may come to stand for an empty file
        os.replace(temporary, target)
        if durable and os.name == "posix":  # elsewhere folders cannot be opened
            _sync(target.parent)
    finally:
        with contextlib.suppress(OSError):  # gone already when the rename succeeded
            temporary.unlink()


def write_json(path: str | os.PathLike, values) -> None:
    """A JSON file that appears whole, for programs to read."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Removes the temporary files that killed writers left in a folder; call it where no other may be writing now."""
    for path in Path(folder).glob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def only_process(folder: str | os.PathLike) -> Iterator[None]:
    """Keeps other processes that call this out of a folder, for the time of a `with` block.

    Raises BlockingIOError when another is in there; see `take_lock`.
    """
    if fcntl is None:  # Windows, where a folder cannot be opened either
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        take_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def take_lock(descriptor: int) -> None:
    """Locks an open file or folder until it is closed. Raises BlockingIOError when another process has it.

    The system frees the lock of a process that is killed; where there are no such locks, nothing is kept out.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # some network file systems have no locks
        pass


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
