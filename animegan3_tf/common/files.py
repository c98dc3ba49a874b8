"""Writes files whole or not at all, tells files from pipes, and locks folders."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union

from animegan3_tf.common.errors import UserError, quote

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module elsewhere; every use checks for None first

StrPath = Union[str, os.PathLike]

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")


@contextlib.contextmanager
def whole_file(path: StrPath, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary path in the same folder; what the block writes there replaces `path` when the block ends.

    Missing folders are made. When the block or the renaming fails, or is interrupted, the temporary file is removed and
    `path` stays as it was. The block creates the file, so its permissions follow the umask.

    Args:
        path: The file to write.
        durable: Wait for the disk, so that a power cut after the block leaves the new file.
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


def regular_file(path: StrPath) -> Path:
    """Returns the path of a file that may be opened: a named pipe would block for ever, and a device has no end.

    Raises:
        UserError: A folder, a named pipe, a device or a socket lies there.
        OSError: Nothing lies there, or it may not be asked what does; `open` would raise the same.
        ValueError: The path holds a NUL byte.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise UserError(f"{quote(path)} is {'a folder' if stat.S_ISDIR(mode) else 'not a regular file'}; name a file")
    return Path(path)


def write_json(path: StrPath, values: Any) -> None:
    """Writes values that JSON can hold, whole or not at all, for programs to read."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def remove_leftovers(folder: StrPath) -> None:
    """Removes the temporary files that killed writers left in a folder; nobody else may be writing there now."""
    for path in Path(folder).glob(".*.tmp"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def only_process(folder: StrPath) -> Iterator[None]:
    """Locks a folder for a `with` block against other processes that call this.

    Raises:
        BlockingIOError: Another process holds the lock; see `take_lock`.
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
    """Locks an open file or folder until it is closed.

    The system releases the lock of a process that is killed. On Windows, and on file systems without locks, nothing is
    locked.

    Raises:
        BlockingIOError: Another process holds the lock.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # some network file systems have no locks
        pass


def sha256_of(*paths: StrPath) -> str:
    """Computes the SHA-256 of what lies at some paths, as hexadecimal digits.

    Args:
        *paths: One file: its content. One folder: the names and contents of all its files. Several files: the list of
            their digests and names, as `sha256sum` prints it, sorted by name.
    """
    digest = hashlib.sha256()
    if len(paths) > 1:
        for file in sorted(map(Path, paths), key=lambda path: path.name):
            digest.update(f"{sha256_of(file)}  {file.name}\n".encode())
        return digest.hexdigest()
    path = Path(paths[0])
    folder = path.is_dir()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if folder else [path]:
        if folder:
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with open(file, "rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_texts(folder: StrPath, texts: Mapping[str, str]) -> None:
    """Writes text files into a folder, which is made if missing; each file appears whole or not at all.

    Args:
        folder: Where to write.
        texts: Each file's text by its name. File names in a text that are not Unicode are written with backslashes.

    Raises:
        UserError: A file cannot be written.
    """
    for name, text in texts.items():
        try:
            with whole_file(Path(folder, name)) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="", errors="backslashreplace")
        except OSError as error:
            raise UserError(
                f"{quote(Path(folder, name))} cannot be written ({error.strerror}); change its permissions, or name "
                "another folder"
            ) from None
