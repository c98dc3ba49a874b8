"""Writes files whole or not at all, locks folders, and clears away what killed writers left."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import threading
import time
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
