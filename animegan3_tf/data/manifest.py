"""Records of files that are derived from others: what was made from what, and what was rejected and why."""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import cv2
import numpy as np
import skimage

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import only_process, sha256_of, whole_file

if TYPE_CHECKING:
    from animegan3_tf.data.targets import Stage

JOURNAL = ".journal.jsonl"  # in the target folder, until manifest.json and rejected.json are written


class Journal:
    """The lines (name, record or None, reason or None) of a target folder, appended one at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._file: TextIO | None = None

    def read(self) -> Iterator[tuple[str, dict | None, str | None]]:
        """Yields the lines that a killed run left; one without a newline at its end was not written whole."""
        with contextlib.suppress(FileNotFoundError), open(self._path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    name, record, reason = json.loads(line) if line.endswith("\n") else (None, None, None)
                except ValueError:  # a power cut may leave anything
                    return
                if name is not None:
                    yield name, record, reason

    def write(self, name: str, record: dict | None, reason: str | None) -> None:
        """Appends a line, and hands it to the system at once.

        Args:
            name: The item.
            record: How it was made; None where it was rejected.
            reason: Why it was rejected, or None.

        Raises:
            OSError: The journal cannot be written.
        """
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps([name, record, reason]) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Removes the journal, once the manifest holds its lines."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)


def read_book(path: Path, fits: Callable[[str, Any], bool]) -> Iterator[tuple[str, str, Any]]:
    """Reads the entries of a file, one at a time.

    Args:
        path: The file; without one there are no entries.
        fits: (part, value) -> whether `write_book` may have written such an entry.

    Yields:
        (part, name, value) in the file's order; a value is any JSON value.

    Raises:
        UserError: The file cannot be read, or holds something else: a data set's own file of that name must not be
            overwritten.
    """
    try:
        with open(path, encoding="utf-8") as file:
            for part, name, value in _entries(file):
                if not fits(part, value):
                    raise ValueError
                yield part, name, value
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); change its permissions") from None
    except (ValueError, AttributeError):
        raise UserError(
            f"{quote(path)} was not written by prepare; move it away, or delete it to have the targets made again"
        ) from None


def write_book(path: Path, entries: Iterable[tuple[str, str, Any]]) -> None:
    """Replaces a file, whole or not at all.

    Args:
        path: The file; it is removed when there are no entries.
        entries: (part, name, value), sorted by part; a value is any JSON value.

    Raises:
        OSError: The file cannot be written.
    """
    entries = iter(entries)
    first = next(entries, None)
    if first is None:
        path.unlink(missing_ok=True)
        return
    with whole_file(path, durable=True) as temporary, open(temporary, "w", encoding="utf-8") as file:
        before = "{\n"
        for part, group in groupby(chain([first], entries), key=lambda entry: entry[0]):
            file.write(f"{before}{json.dumps(part)}: {{\n")
            before = ""
            for _, name, value in group:
                file.write(f"{before}{json.dumps(name)}: {json.dumps(value, sort_keys=True)}")
                before = ",\n"
            before = "\n},\n"
        file.write("\n}\n}\n")


def _entries(file: TextIO) -> Iterator[tuple[str, str, Any]]:
    """Reads line by line a file that is laid out as `write_book` does, and any other whole."""
    if file.readline() != "{\n" or not file.readline().startswith('"'):
        file.seek(0)
        for part, entries in json.loads(file.read()).items():
            for name, value in entries.items():
                yield part, name, value
        return
    file.seek(0)
    file.readline()
    part = None
    for line in file:
        if part is None and line == "}\n":
            return
        if part is None:
            (part,) = json.loads(f"{{{line}}}}}")
        elif line in ("}\n", "},\n"):
            part = None
        else:
            ((name, value),) = json.loads(f"{{{line.rstrip().removesuffix(',')}}}").items()
            yield part, name, value
    raise ValueError("the end is missing")


MANIFEST, REJECTED = "manifest.json", "rejected.json"  # one of each per parent folder, keyed by target folder name
COLORS = "colors"  # the part of the manifest that describes source folders, not targets

_FIELDS = ("source_bytes", "source_mtime_ns", "source_sha256", "target_bytes", "target_sha256")
_DIGESTS = ("source_sha256", "target_sha256")
_LAYOUT = struct.Struct(">Qq32sQ32s")


def missing_targets(stage: Stage, sources: dict[str, Path], target_of: Callable[[str], str]) -> int:
    """Counts the sources of a stage that lack a target, from the manifest and the sizes of files alone.

    Args:
        stage: The kind of target.
        sources: The source images by relative name.
        target_of: (relative name of a source) -> relative name of its target.

    Returns:
        How many sources have no target that was made with the stage's parameters; rejected sources need none.
    """
    folder, key = stage.target.parent, stage.target.name
    parameters = json.loads(json.dumps(stage.parameters))

    def stands(name: str, record: dict) -> bool:
        if name not in sources or record.get("parameters") != parameters:
            return False
        sizes = [(sources[name], "source_bytes"), (stage.target / target_of(name), "target_bytes")]
        try:
            return all(path.stat().st_size == record[size] for path, size in sizes)
        except (OSError, KeyError):
            return False

    rejected = rejected_sources(stage).keys() & sources.keys()
    manifest = read_book(folder / MANIFEST, is_record)
    standing = sum(part == key and name not in rejected and stands(name, record) for part, name, record in manifest)
    return len(sources) - len(rejected) - standing


def rejected_sources(stage: Stage) -> dict[str, str]:
    """Returns the sources that `prepare` made no target of, each with its reason, from rejected.json."""
    entries = read_book(stage.target.parent / REJECTED, is_reason)
    return {name: reason for part, name, reason in entries if part == stage.target.name}


class TargetManifest:
    """One stage's part of manifest.json and rejected.json, kept in memory between saves, and in a journal.

    The journal keeps it when the run is killed. Only one process at a time may use it for a stage; see `alone`.

    Attributes:
        stage: The kind of target.
        sources: The source images by relative name.
        clashes: Sources whose target an earlier one claims, each with the reason.
    """

    def __init__(self, stage: Stage, sources: dict[str, Path], target_of: Callable[[str], str]) -> None:
        """Reads a stage's records, takes over a killed run's, and removes targets whose sources are gone.

        Args:
            stage: The kind of target; its folder is made if missing.
            sources: The source images by relative name.
            target_of: (relative name of a source) -> relative name of its target.

        Raises:
            UserError: The files of these names were not written by prepare, or the folder cannot be written.
        """
        self.stage, self.sources, self._target_of = stage, sources, target_of
        self._shared: dict[str, Any] = {}
        self._how = {
            "parameters": self._share(json.loads(json.dumps(stage.parameters))),  # as the manifest gives them back
            "made_by": self._share(
                {
                    "function": f"{stage.function.__module__}.{stage.function.__qualname__}",
                    **tool_versions(),
                }
            ),
        }
        records = ((name, self._pack_whole(record)) for name, record in self._part(MANIFEST, is_record))
        self._records = {name: packed for name, packed in records if packed}
        self._rejected = dict(self._part(REJECTED, is_reason))
        self._changed = False
        self.clashes: dict[str, str] = {}
        claims = self._claims()
        for name in sources:
            first = claims[self._key(name)]
            if first != name:
                target = stage.target / target_of(name)
                self.clashes[name] = (
                    f"{quote(sources[name])} and {first!r} would both become {target.name!r}; rename one"
                )
        try:
            stage.target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(stage.target, error) from None
        self._journal = Journal(stage.target)
        self._replay()
        self._forget_vanished(claims)

    def is_current(self, name: str) -> bool:
        """Returns whether the target stands as recorded, made from the source as it is now, in the stage's way."""
        packed = self._records.get(name)
        record = self._unpack(packed) if packed else None
        if not record or any(record.get(key) != how for key, how in self._how.items()):
            return False
        source = self.sources[name]
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
        """Writes this stage's part into both files, leaving the other stages' parts as they are on disk now."""
        if not self._changed:
            return
        folder, key = self.stage.target.parent, self.stage.target.name
        records = ((key, name, self._unpack(self._records[name])) for name in sorted(self._records))
        rejected = ((key, name, self._rejected[name]) for name in sorted(self._rejected))
        for path, own, fits in ((folder / MANIFEST, records, is_record), (folder / REJECTED, rejected, is_reason)):
            replace_part(path, key, own, fits)
        self._journal.remove()
        self._changed = False

    def _part(self, file: str, fits: Callable[[str, Any], bool]) -> Iterator[tuple[str, Any]]:
        """Yields this stage's entries of a file; equal names share one object with `sources`, to save memory."""
        own = {name: name for name in self.sources}
        for part, name, value in read_book(self.stage.target.parent / file, fits):
            if part == self.stage.target.name:
                yield own.get(name, name), value

    def _replay(self) -> None:
        """Takes over the lines that a killed run left in its journal."""
        for name, record, reason in self._journal.read():
            packed = self._pack_whole(record) if record else None
            if packed:
                self._records[name] = packed
                self._rejected.pop(name, None)
            elif reason is not None:
                self._records.pop(name, None)
                self._rejected[name] = reason
            self._changed = True
        self.save()
        self._journal.remove()  # it may have a torn end, after which nothing must be written

    def _write(self, name: str, record: dict | None = None, reason: str | None = None) -> None:
        try:
            self._journal.write(name, record, reason)
        except OSError as error:
            raise not_writable(self.stage.target, error) from None
        self._changed = True

    def _pack(self, record: dict) -> tuple:
        """Packs a record into few bytes: there may be hundreds of thousands, made in a handful of ways."""
        own = [bytes.fromhex(record[key]) if key in _DIGESTS else record[key] for key in _FIELDS]
        return _LAYOUT.pack(*own), *(self._share(record[key]) for key in self._how)

    def _pack_whole(self, record: dict) -> tuple | None:
        """Packs a record, or returns None where something is missing in it: its target is made anew."""
        try:
            return self._pack(record)
        except (KeyError, TypeError, ValueError, struct.error):
            return None

    def _unpack(self, packed: tuple) -> dict:
        own, *how = packed
        record = dict(zip(_FIELDS, _LAYOUT.unpack(own)))
        record |= {key: record[key].hex() for key in _DIGESTS}
        return {**record, **dict(zip(self._how, how))}

    def _share(self, value: Any) -> Any:
        """Returns the first of all equal JSON values, so that each is in memory once."""
        return self._shared.setdefault(json.dumps(value, sort_keys=True), value)

    def _key(self, name: str) -> str:
        return os.path.normcase(self._target_of(name))  # where the system ignores case, A.png and a.png are one file

    def _claims(self) -> dict[str, str]:
        """Maps each target to the first of the sources that become it."""
        claims: dict[str, str] = {}
        for name in self.sources:
            claims.setdefault(self._key(name), name)
        return claims

    def _forget_vanished(self, claims: dict[str, str]) -> None:
        for name in [name for name in self._records if name not in self.sources]:
            self._drop(name, unlink=self._key(name) not in claims)
        for name in [name for name in self._rejected if name not in self.sources]:
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
    """Keeps other runs out of folders that hold manifests, and so out of the target folders in them.

    Args:
        folders: The folders, made if missing.

    Yields:
        Once, while no other run that calls this can enter.

    Raises:
        UserError: Another run is in one of the folders, or it cannot be written.
    """
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


def replace_part(
    path: Path, key: str, entries: Iterator[tuple[str, str, Any]], fits: Callable[[str, Any], bool]
) -> None:
    """Replaces one part of a file of `write_book`; its other parts stay.

    Args:
        path: The file.
        key: The part.
        entries: (key, name, value) of the new part.
        fits: See `read_book`.

    Raises:
        UserError: The file was not written by prepare, or cannot be written.
    """
    others = (entry for entry in read_book(path, fits) if entry[0] != key)
    try:
        write_book(path, heapq.merge(others, entries, key=lambda entry: entry[0]))
    except OSError as error:
        raise not_writable(path, error) from None


def tool_versions() -> dict[str, str]:
    """Returns the version of every library that influences the pixels of a target."""
    return {
        "animegan3_tf": animegan3_tf.__version__,
        "scikit-image": skimage.__version__,  # type: ignore[attr-defined]  # its stub leaves it out
        "opencv": cv2.__version__,
        "numpy": np.__version__,
    }


def unchanged_since(path: Path, size: int, mtime_ns: int, sha256: str) -> int | None:
    """Checks a file against its record.

    A file that was touched or copied has another time; then its content decides.

    Args:
        path: The file.
        size: Its recorded size in bytes.
        mtime_ns: Its recorded time of modification in nanoseconds.
        sha256: The recorded SHA-256 of its content.

    Returns:
        Its present time of modification where the content is the same, else None.

    Raises:
        OSError: The file cannot be read.
    """
    state = path.stat()
    if state.st_size != size or (state.st_mtime_ns != mtime_ns and sha256_of(path) != sha256):
        return None
    return state.st_mtime_ns


def is_record(part: str, value: Any) -> bool:
    """Returns whether a value may stand in that part of a manifest."""
    return isinstance(value, dict) and ("mean" if part == COLORS else "target_sha256") in value


def is_reason(part: str, value: Any) -> bool:
    """Returns whether a value may stand in rejected.json."""
    return isinstance(value, str)


def not_writable(path: Path, error: OSError) -> UserError:
    """Makes the error for a file or folder that cannot be written."""
    reason = error.strerror or type(error).__name__
    return UserError(f"{quote(path)} cannot be written ({reason}); change its permissions or free space")
