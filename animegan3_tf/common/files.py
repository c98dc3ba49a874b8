"""Writes files whole or not at all, reads JSON of anybody, locks folders, clears away what killed writers left."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Union

from animegan3_tf.common.errors import UserError, one_line, quote

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # a module elsewhere; every use checks for None first

StrPath = Union[str, os.PathLike]

_DEEPEST = 100  # levels of dicts and lists
_TOO_DEEP = f"it is nested over {_DEEPEST} levels deep"
_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")


@contextlib.contextmanager
def whole_file(path: StrPath, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary path in the same folder; what the block writes there replaces `path` when the block ends.

    Missing folders are made. When the block or the renaming fails, or is interrupted, the temporary file is removed and
    `path` stays as it was. The block creates the file, so its permissions follow the umask. A process's first file in a
    folder clears away the temporary files that killed writers left there.

    Args:
        path: The file to write.
        durable: Wait for the disk, so that a power cut after the block leaves the new file.
    """
    target = Path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.tmp")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _writing_into(target.parent):
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


_SWEEP_TAKES = 0.02  # seconds that a folder is locked while it is swept, at most
_known: dict[tuple[int, int], bool] = {}  # (device, inode) of the folders written into: whether another lock is there
_knowing = threading.Lock()


@contextlib.contextmanager
def _writing_into(folder: Path) -> Iterator[None]:
    """Holds a folder's lock, shared with other writers, so that nobody takes a file that is written for a leftover.

    Where that is not possible, as on Windows and on file systems without locks, nobody sweeps either.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            if fcntl is not None:
                descriptor = os.open(folder, os.O_RDONLY)
                held.callback(os.close, descriptor)
                _share_lock(descriptor, folder)
        yield


def _share_lock(descriptor: int, folder: Path) -> None:
    status = os.fstat(descriptor)
    place = status.st_dev, status.st_ino
    with _knowing:
        if place not in _known:
            _known[place] = False
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_leftovers(folder)
    until = time.monotonic() + _SWEEP_TAKES
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return
        except BlockingIOError:  # somebody sweeps, or holds the folder for long (`only_process`), where nobody sweeps
            if _known[place] or time.monotonic() > until:
                _known[place] = True  # the next file need not wait
                return
            time.sleep(0.001)


def regular_file(path: StrPath, most: int | None = None) -> Path:
    """Returns the path of a file that may be opened: a named pipe would block for ever, and a device has no end.

    Args:
        path: The path.
        most: The bytes that it may have; any number by default.

    Raises:
        UserError: A folder, a named pipe, a device or a socket lies there, or the file is too large.
        OSError: Nothing lies there, or it may not be asked what does; `open` would raise the same.
        ValueError: The path holds a NUL byte.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise UserError(f"{quote(path)} is {kind}; name a file")
    if most is not None and found.st_size > most:
        raise UserError(f"{quote(path)} has {found.st_size:,} bytes; such a file has at most {most:,}")
    return Path(path)


def read_json(path: StrPath, most_bytes: int = 64 << 20) -> Any:
    """Reads the values of a JSON file that anybody may have written.

    Args:
        path: The file.
        most_bytes: The most bytes that are read; the values take up to 25 times as many in memory.

    Returns:
        Dicts, lists, strings, numbers, booleans and None, nested at most 100 levels deep.

    Raises:
        FileNotFoundError: Nothing lies there.
        UserError: It is not a regular file, it may not be read, it is too large, or it does not hold such values. The
            error is one line without a remedy, which the caller knows.
    """
    with _unread(path):
        return parse_json(read_bounded(path, most_bytes))


def read_json_lines(path: StrPath, most_bytes: int = 1 << 20) -> Iterator[Any]:
    """Yields the values of a file of one JSON text a line, None for a line that is none or has too many bytes.

    Raises:
        FileNotFoundError: Nothing lies there.
        UserError: It is not a regular file, or it may not be read; see `read_json`.
    """
    with _unread(path), open(regular_file(path), "rb") as file:
        while line := file.readline(most_bytes):
            try:
                yield parse_json(line)
            except ValueError:
                yield None


def read_bounded(path: StrPath, most_bytes: int = 64 << 20) -> bytes:
    """Reads a file that should be small.

    Raises:
        OSError: It cannot be read.
        UserError: It is not a regular file.
        ValueError: It has more bytes.
    """
    with open(regular_file(path), "rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"it has more than {most_bytes:,} bytes")
    return data


@contextlib.contextmanager
def _unread(path: StrPath) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{quote(path)} cannot be read: {one_line(error)}") from None


def parse_json(text: str | bytes) -> Any:
    """Returns the values in a JSON text; raises ValueError where it is none, or nested over 100 levels deep."""
    try:
        values = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    check_depth(values)
    return values


def check_depth(values: Any) -> None:
    """Raises ValueError for dicts and lists nested over 100 levels deep, which code that recurses cannot take apart."""
    level = [values]
    for _ in range(_DEEPEST + 1):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _within(outer)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)


def _within(values: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return values.values() if isinstance(values, dict) else values


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


def take_lock(descriptor: int) -> bool:
    """Locks an open file or folder until it is closed.

    The system releases the lock of a process that is killed.

    Returns:
        Whether it is locked now: not on Windows, nor on file systems without locks.

    Raises:
        BlockingIOError: Another process holds the lock.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # some network file systems have no locks
        return False
    return True


@contextlib.contextmanager
def work_folder(parent: StrPath | None = None, prefix: str = ".animegan3-") -> Iterator[Path]:
    """Makes a folder for a `with` block, and removes it with all that lies in it.

    A killed process leaves its folder; the next one that works in `parent` removes it. Folders of processes that live
    are locked, and stay.

    Args:
        parent: Where to make it; the system's folder for temporary files by default.
        prefix: How its name begins; begin it with a dot and keep it for this alone.
    """
    parent = Path(parent or tempfile.gettempdir())
    _remove_work_folders(parent, prefix)
    with contextlib.ExitStack() as held:
        while True:
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            # before it is locked, another process may take it for a leftover
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                held.enter_context(only_process(folder))
                if folder.is_dir():
                    break
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_work_folders(parent: Path, prefix: str) -> None:
    """Removes the work folders that no process holds, where locks tell that."""
    ours = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}")  # as mkdtemp names them
    for folder in parent.glob(prefix + "*"):
        if not ours.fullmatch(folder.name) or folder.is_symlink():
            continue
        with contextlib.suppress(OSError):  # held, gone, or another user's
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                if take_lock(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)


def sha256_of(*paths: StrPath) -> str:
    """Computes the SHA-256 of what lies at some paths, as hexadecimal digits.

    Args:
        *paths: One file: its content. One folder: the names and contents of all its files. Several files: the list of
            their digests and names, as `sha256sum` prints it, sorted by name.

    Raises:
        UserError: A path is that of a named pipe or a device.
        OSError: A file cannot be read.
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
        with open(regular_file(file), "rb") as opened:
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
                temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise UserError(
                f"{quote(Path(folder, name))} cannot be written ({error.strerror}); change its permissions, or name "
                "another folder"
            ) from None
