"""The books of one prepared folder: manifest.json (what each target was made from) and rejected.json (what was not)."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import skimage

import animegan3_tf
from animegan3_tf.data.book import read_book, write_book
from animegan3_tf.data.journal import Journal
from animegan3_tf.errors import UserError
from animegan3_tf.files import only_process
from animegan3_tf.images import quote

MANIFEST, REJECTED = "manifest.json", "rejected.json"  # one of each per parent folder, keyed by target folder name
COLORS = "colors"  # the part of the manifest that tells of source folders, not of targets

_FIELDS = ("source_bytes", "source_mtime_ns", "source_sha256", "target_bytes", "target_sha256")
_DIGESTS = ("source_sha256", "target_sha256")
_LAYOUT = struct.Struct(">Qq32sQ32s")


def missing_targets(stage, pictures: dict[str, Path], target_of: Callable[[str], str]) -> int:
    """How many sources of a stage lack a target made with its parameters; rejected sources need none.

    Told from the books and the sizes of the files, without reading a picture.
    """
    books, key = stage.target.parent, stage.target.name
    parameters = json.loads(json.dumps(stage.parameters))

    def stands(name, record):
        if name not in pictures or record.get("parameters") != parameters:
            return False
        sizes = [(pictures[name], "source_bytes"), (stage.target / target_of(name), "target_bytes")]
        try:
            return all(path.stat().st_size == record[size] for path, size in sizes)
        except (OSError, KeyError):
            return False

    rejected = rejected_sources(stage).keys() & pictures.keys()
    manifest = read_book(books / MANIFEST, is_record)
    standing = sum(part == key and name not in rejected and stands(name, record) for part, name, record in manifest)
    return len(pictures) - len(rejected) - standing


def rejected_sources(stage) -> dict[str, str]:
    """The sources that `prepare` made no target of, with the reason, as it wrote them down."""
    book = read_book(stage.target.parent / REJECTED, is_reason)
    return {name: reason for part, name, reason in book if part == stage.target.name}


class Ledger:
    """One stage's part of the two books, kept in memory between saves, and in a journal against a kill.

    stage: has source, target, function and parameters. pictures: sources by relative name. target_of: source name ->
    target name, relative too. `clashes` holds the sources whose target an earlier one claims, with the reason.
    Only one process may use a stage's ledger at a time.
    """

    def __init__(self, stage, pictures: dict[str, Path], target_of: Callable[[str], str]):
        self.stage, self.pictures, self._target_of = stage, pictures, target_of
        self._shared: dict[str, object] = {}
        self._how = {
            "parameters": self._share(json.loads(json.dumps(stage.parameters))),  # as the manifest gives them back
            "made_by": self._share(
                {
                    "function": f"{stage.function.__module__}.{stage.function.__qualname__}",
                    **tool_versions(),
                }
            ),
        }
        records = ((name, self._pack(record)) for name, record in self._part(MANIFEST, is_record))
        self._records = {name: packed for name, packed in records if packed}
        self._rejected = dict(self._part(REJECTED, is_reason))
        self._changed = False
        self.clashes: dict[str, str] = {}
        claims = self._claims()
        for name in pictures:
            first = claims[self._key(name)]
            if first != name:
                target = stage.target / target_of(name)
                self.clashes[name] = (
                    f"{quote(pictures[name])} and {first!r} would both become {target.name!r}; rename one"
                )
        try:
            stage.target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(stage.target, error) from None
        self._journal = Journal(stage.target)
        self._replay()
        self._forget_vanished(claims)

    def is_current(self, name: str) -> bool:
        """Whether the target stands as recorded, made from this very source in this very way."""
        packed = self._records.get(name)
        record = packed and self._unpack(packed)
        if not record or any(record.get(key) != how for key, how in self._how.items()):
            return False
        source = self.pictures[name]
        try:
            if (self.stage.target / self._target_of(name)).stat().st_size != record["target_bytes"]:
                return False
            then = record["source_mtime_ns"]
            now = unchanged_since(source, record["source_bytes"], then, record["source_sha256"])
            if now is None:
                return False
            if now != then:
                self._records[name] = self._pack({**record, "source_mtime_ns": now})
                self._changed = True
        except (OSError, KeyError):
            return False
        if self._rejected.pop(name, None):
            self._changed = True
        return True

    def accept(self, name: str, record: dict) -> None:
        """Records a target just written."""
        record = {**record, **self._how}
        self._write(name, record=record)
        self._records[name] = self._pack(record)
        self._rejected.pop(name, None)

    def reject(self, name: str, reason: str) -> None:
        """Records why a source has no target, and removes the one it may have had."""
        if name in self._records:
            self._drop(name, unlink=name not in self.clashes)
        if self._rejected.get(name) != reason:
            self._write(name, reason=reason)
            self._rejected[name] = reason

    def save(self) -> None:
        """Writes this stage's part into both books, leaving the other stages' parts as they are on disk now."""
        if not self._changed:
            return
        books, key = self.stage.target.parent, self.stage.target.name
        records = ((key, name, self._unpack(self._records[name])) for name in sorted(self._records))
        rejected = ((key, name, self._rejected[name]) for name in sorted(self._rejected))
        for path, own, fits in ((books / MANIFEST, records, is_record), (books / REJECTED, rejected, is_reason)):
            replace_part(path, key, own, fits)
        self._journal.remove()
        self._changed = False

    def _part(self, book: str, fits: Callable[[str, object], bool]) -> Iterator[tuple[str, object]]:
        """This stage's entries in a book, under the very names of `pictures`, so that each is in memory once."""
        own = {name: name for name in self.pictures}
        for part, name, value in read_book(self.stage.target.parent / book, fits):
            if part == self.stage.target.name:
                yield own.get(name, name), value

    def _replay(self) -> None:
        """Takes over what a killed run wrote into its journal, and what earlier runs recorded."""
        for name, record, reason in self._journal.read():
            packed = record and self._pack(record)
            if packed:
                self._records[name] = packed
                self._rejected.pop(name, None)
            elif reason is not None:
                self._records.pop(name, None)
                self._rejected[name] = reason
            self._changed = True
        self.save()
        self._journal.remove()  # it may have a torn end, which nothing shall be written behind

    def _write(self, name: str, record: dict | None = None, reason: str | None = None) -> None:
        try:
            self._journal.write(name, record, reason)
        except OSError as error:
            raise not_writable(self.stage.target, error) from None
        self._changed = True

    def _pack(self, record: dict) -> tuple | None:
        """A record in few bytes: there may be hundreds of thousands, made in a handful of ways.

        None for what is no whole record: its target is made anew.
        """
        try:
            own = [bytes.fromhex(record[key]) if key in _DIGESTS else record[key] for key in _FIELDS]
            return _LAYOUT.pack(*own), *(self._share(record[key]) for key in self._how)
        except (KeyError, TypeError, ValueError, struct.error):
            return None

    def _unpack(self, packed: tuple) -> dict:
        own, *how = packed
        record = dict(zip(_FIELDS, _LAYOUT.unpack(own)))
        record |= {key: record[key].hex() for key in _DIGESTS}
        return {**record, **dict(zip(self._how, how))}

    def _share(self, value):
        return self._shared.setdefault(json.dumps(value, sort_keys=True), value)

    def _key(self, name: str) -> str:
        return os.path.normcase(self._target_of(name))  # where the system ignores case, A.png and a.png are one file

    def _claims(self) -> dict[str, str]:
        """Target -> the first of the sources that become it."""
        claims = {}
        for name in self.pictures:
            claims.setdefault(self._key(name), name)
        return claims

    def _forget_vanished(self, claims: dict[str, str]) -> None:
        for name in [name for name in self._records if name not in self.pictures]:
            self._drop(name, unlink=self._key(name) not in claims)
        for name in [name for name in self._rejected if name not in self.pictures]:
            del self._rejected[name]
            self._changed = True

    def _drop(self, name: str, unlink: bool) -> None:
        """Forgets a record and removes its target, unless that is now another source's."""
        del self._records[name]
        self._changed = True
        if unlink:
            target = self.stage.target / self._target_of(name)
            try:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise not_writable(target, error) from None


@contextlib.contextmanager
def alone(folders: Iterable[Path]) -> Iterator[None]:
    """Keeps other runs out of folders with books, and so out of the target folders in them."""
    with contextlib.ExitStack() as held:
        for folder in sorted({folder.resolve() for folder in folders}):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(only_process(folder))
            except BlockingIOError:
                raise UserError(f"targets in {quote(folder)} are being prepared already; wait for it") from None
            except OSError as error:
                raise not_writable(folder, error) from None
        yield


def replace_part(path: Path, key: str, entries: Iterator, fits: Callable[[str, object], bool]) -> None:
    """Puts (key, name, value) entries in the place of a book's part `key`; the rest of the book stays."""
    others = (entry for entry in read_book(path, fits) if entry[0] != key)
    try:
        write_book(path, heapq.merge(others, entries, key=lambda entry: entry[0]))
    except OSError as error:
        raise not_writable(path, error) from None


def tool_versions() -> dict[str, str]:
    """The version of everything that decides what a target looks like."""
    return {
        "animegan3_tf": animegan3_tf.__version__,
        "scikit-image": skimage.__version__,
        "opencv": cv2.__version__,
        "numpy": np.__version__,
    }


def sha256_of(path: str | os.PathLike) -> str:
    """The file's SHA-256 in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def unchanged_since(path: Path, size: int, mtime_ns: int, sha256: str) -> int | None:
    """The time of a file that still holds what was recorded of it, else None; raises OSError.

    One that was touched or copied has another time: then its content decides.
    """
    state = path.stat()
    if state.st_size != size or (state.st_mtime_ns != mtime_ns and sha256_of(path) != sha256):
        return None
    return state.st_mtime_ns


def is_record(part: str, value) -> bool:
    """Whether a value may stand in that part of a manifest."""
    return isinstance(value, dict) and ("mean" if part == COLORS else "target_sha256") in value


def is_reason(part: str, value) -> bool:
    """Whether a value may stand in rejected.json."""
    return isinstance(value, str)


def not_writable(path: Path, error: OSError) -> UserError:
    """The one line for a file that `prepare` or `faces` cannot write."""
    reason = error.strerror or type(error).__name__
    return UserError(f"{quote(path)} cannot be written ({reason}); change its permissions or free space")
