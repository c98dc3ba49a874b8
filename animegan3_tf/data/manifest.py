"""Records of files that are derived from others: what was made from what, and what was rejected and why.

While a command works on a folder, its records lie in an SQLite database there: memory does not grow with their number,
and a killed run loses none. At the end the JSON files that people read are written from it, and it goes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import cv2
import numpy as np

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import check_depth, only_process, regular_file, remove_leftovers, sha256_of, whole_file

if TYPE_CHECKING:
    from animegan3_tf.data.targets import Stage

JOURNAL = ".manifest.sqlite"  # in the folder, until the JSON files are written

Entry = tuple[str, str, Any]  # (part, name, value); the name is "" where the part is one value, which is no object


@dataclass(frozen=True)
class Format:
    """The JSON files of one kind of manifest.

    Attributes:
        file: The name of the first of them.
        read: (folder) -> the entries in them; raises `UserError` where they are something else.
        save: Writes them, each whole or not at all; raises `UserError` where that fails.
    """

    file: str
    read: Callable[[Path], Iterable[Entry]]
    save: Callable[[Manifest], None]


class Manifest:
    """The records of a folder, for one process at a time, as a context manager.

    The records of a killed run are taken over. When the block ends, on Ctrl-C and errors too, the JSON files are
    written if a record has changed. Any thread may use it.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path, form: Format) -> None:
        """Names the folder; nothing is read yet.

        Args:
            folder: The folder, made if missing.
            form: The JSON files in it.
        """
        self.folder, self._form = folder, form
        self._changed = True  # until it is known that the journal holds nothing but what the JSON files do
        self._refused: OSError | None = None
        self._writing = threading.Lock()

    def __enter__(self) -> Manifest:
        """Locks the folder and reads its records.

        Raises:
            UserError: Another run is in the folder, it cannot be made, or files in it are something else.
        """
        with contextlib.ExitStack() as held:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(only_process(self.folder))
            except BlockingIOError:
                raise self._in_use() from None
            except OSError as error:
                raise not_writable(self.folder, error) from None
            remove_leftovers(self.folder)
            held.callback(self._remove)
            with self._reported():
                self._database = held.enter_context(contextlib.closing(self._connect()))
                self._begin()
            self._held = held.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the JSON files, and ends the journal.

        Raises:
            UserError: A file cannot be written; the journal then stays for the next run.
        """
        with self._held, contextlib.suppress(*[UserError] if kind else []):  # the first error says more
            if self._changed:
                self._form.save(self)
                self._changed = False

    def get(self, part: str, name: str = "") -> Any:
        """Returns the value of an entry; None where there is none."""
        with self._reported():
            query = "SELECT value FROM entries WHERE part = ? AND name = ?"
            row = self._database.execute(query, (_key(part), _key(name))).fetchone()
        return None if row is None else json.loads(row[0])

    def names(self, part: str) -> Iterator[str]:
        """Yields the names of a part's entries, sorted; nothing must be written meanwhile."""
        query = "SELECT name FROM entries WHERE part = ? ORDER BY name"
        with self._reported():
            for (name,) in self._database.execute(query, [_key(part)]):
                yield _text(name)

    def entries(self, *parts: str) -> Iterator[Entry]:
        """Yields the entries of some parts or of all, sorted by name in each; nothing must be written meanwhile."""
        with self._reported():
            if not parts:
                query = "SELECT DISTINCT part FROM entries ORDER BY part"
                parts = tuple(_text(part) for (part,) in self._database.execute(query))
            query = "SELECT name, value FROM entries WHERE part = ? ORDER BY name"
            for part in parts:
                for name, value in self._database.execute(query, [_key(part)]):
                    yield part, _text(name), json.loads(value)

    def write(self, entries: Iterable[Entry] = (), gone: Iterable[tuple[str, str]] = ()) -> None:
        """Changes records, all at once; a kill at any moment leaves either none or all of the changes.

        Args:
            entries: Entries that are new or replace others.
            gone: (part, name) of entries that go first.

        Raises:
            UserError: The folder cannot be written.
        """
        if self._refused is not None:
            raise not_writable(self.folder / self._form.file, self._refused)
        with self._reported(), self._writing, self._database:
            self._database.execute("BEGIN")
            keys = ((_key(part), _key(name)) for part, name in gone)
            self._database.executemany("DELETE FROM entries WHERE part = ? AND name = ?", keys)
            self._insert(entries)
        self._changed = True

    def _connect(self) -> sqlite3.Connection:
        path = os.fspath(self.folder / JOURNAL)
        try:
            open(path, "ab").close()  # an error of the system says more than one of SQLite
        except OSError as error:
            self._refused, path = error, ""  # a temporary one will do where everything is current
        database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA locking_mode = EXCLUSIVE")  # WAL then needs no memory that processes share
        with contextlib.suppress(sqlite3.OperationalError):  # some file systems know only rollback journals
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 10000")  # of 4 KiB; each waits for the disk
        return database

    def _begin(self) -> None:
        """Takes over the journal of a killed run, or makes one from the JSON files."""
        tables = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._changed = tables[0] > 0
        if not self._changed:
            with self._database:
                self._database.execute("BEGIN")
                self._database.execute(
                    "CREATE TABLE entries (part BLOB, name BLOB, value TEXT, PRIMARY KEY (part, name)) WITHOUT ROWID"
                )
                self._insert(self._form.read(self.folder))

    def _insert(self, entries: Iterable[Entry]) -> None:
        rows = ((_key(part), _key(name), json.dumps(value, sort_keys=True)) for part, name, value in entries)
        self._database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?)", rows)

    def _remove(self) -> None:
        if not self._changed and self._refused is None:
            with contextlib.suppress(OSError):  # the next run takes it over
                (self.folder / JOURNAL).unlink()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Turns the errors of SQLite into `UserError`s."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):  # where folders cannot be locked
                raise self._in_use() from None
            raise not_writable(self.folder / JOURNAL, error) from None
        except sqlite3.Error as error:
            path = quote(self.folder / JOURNAL)
            raise UserError(f"{path} is damaged ({error}); delete it, and run the command again") from None

    def _in_use(self) -> UserError:
        return UserError(f"files in {quote(self.folder)} are being prepared already; wait for that run")


def _key(text: str) -> bytes:
    """Encodes a name, which may have half a surrogate pair; the order of the bytes is that of the names."""
    return text.encode("utf-8", "surrogatepass")


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")


def read_entries(
    path: Path,
    fits: Callable[[str, Any], bool],
    refusal: str = "was not written by prepare; move it away, or delete it to have the targets made again",
) -> Iterator[Entry]:
    """Reads the entries of a JSON file {part: {name: value}} one at a time.

    Args:
        path: The file; without one there are no entries.
        fits: (part, value) -> whether `write_entries` may have written such an entry.
        refusal: What the error says of a file that holds something else.

    Yields:
        The entries, in the file's order.

    Raises:
        UserError: The file cannot be read, or holds something else: a data set's own file of that name must not be
            overwritten.
    """
    try:
        with open(regular_file(path), encoding="utf-8") as file:
            for part, name, value in _JsonText(file).entries():
                if not fits(part, value):
                    raise ValueError
                yield part, name, value
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); change its permissions") from None
    except (ValueError, RecursionError):
        raise UserError(f"{quote(path)} {refusal}") from None


def write_entries(path: Path, entries: Iterable[Entry], indent: int | None = None) -> bool:
    """Replaces a JSON file {part: {name: value}}, whole or not at all.

    Args:
        path: The file.
        entries: The entries, grouped by part.
        indent: Spaces of each level, as `json.dumps` takes them; None writes an entry a line.

    Returns:
        Whether there were entries.

    Raises:
        UserError: The file cannot be written.
    """
    first = "\n" + " " * (indent or 0)  # a line of the first level
    second = first + first[1:]
    before = "{"
    try:
        with whole_file(path, durable=True) as temporary, open(temporary, "w", encoding="utf-8") as file:
            for part, group in groupby(entries, key=lambda entry: entry[0]):
                file.write(f"{before}{first}{json.dumps(part)}: ")
                before, within = ",", "{"
                for _, name, value in group:
                    text = json.dumps(value, indent=indent, sort_keys=True)
                    if name:
                        file.write(f"{within}{second}{json.dumps(name)}: " + text.replace("\n", second))
                        within = ","
                    else:
                        file.write(text.replace("\n", first))
                file.write(f"{first}}}" if within == "," else "")
            file.write("{}\n" if before == "{" else "\n}\n")
    except OSError as error:
        raise not_writable(path, error) from None
    return before == ","


class _JsonText:
    """JSON text that is read piece by piece: a value is in memory at a time."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._held, self._at = file, "", 0

    def entries(self) -> Iterator[Entry]:
        for part in self._keys():
            if self._next() == "{":
                for name in self._keys():
                    yield part, name, self._value()
            else:
                yield part, "", self._value()
        if self._next():
            raise ValueError("more follows the end")

    def _keys(self) -> Iterator[str]:
        """Yields the keys of an object; the caller reads the value of each."""
        self._take("{")
        while self._next() != "}":
            key = self._value()
            self._take(":")
            yield str(key)
            if self._next() != "}":
                self._take(",")
        self._take("}")

    def _value(self) -> Any:
        """Reads a value, which in an object is never the end of the text."""
        self._next()
        while True:
            value, end = None, len(self._held)
            with contextlib.suppress(ValueError):  # it may be cut
                value, end = _DECODER.raw_decode(self._held, self._at)
            if end < len(self._held):
                check_depth(value)
                self._at = end
                return value
            if len(self._held) > _LARGEST:
                raise ValueError("a value is too large")
            if not self._read_on():
                raise ValueError("the end is missing")

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise ValueError(f"{mark} is missing")
        self._at += 1

    def _next(self) -> str:
        """Returns the next character that is not white space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._held, self._at).end()  # type: ignore[union-attr]  # it matches anything
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._read_on():
                return ""

    def _read_on(self) -> bool:
        left = self._held[self._at :]
        piece = self._file.read(max(_PIECE, len(left)))  # ever more: a long value is decoded only a few times
        self._held, self._at = left + piece, 0
        return bool(piece)


_DECODER, _SPACE, _PIECE = json.JSONDecoder(), re.compile(r"\s*"), 1 << 16
_LARGEST = 64 << 20  # characters of a value

MANIFEST, REJECTED = "manifest.json", "rejected.json"  # one of each per parent folder, keyed by target folder name
COLORS = "colors"  # the part of the manifest that describes source folders, not targets


def _read_targets(folder: Path) -> Iterator[Entry]:
    """Reads what was made of each source, a dictionary, and why nothing was, a string."""
    return chain(read_entries(folder / MANIFEST, is_record), read_entries(folder / REJECTED, is_reason))


def _save_targets(records: Manifest) -> None:
    for file, kind in ((MANIFEST, dict), (REJECTED, str)):
        if not write_entries(records.folder / file, (one for one in records.entries() if isinstance(one[2], kind))):
            (records.folder / file).unlink()


TARGETS = Format(MANIFEST, _read_targets, _save_targets)


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
    manifest = read_entries(folder / MANIFEST, is_record)
    standing = sum(part == key and name not in rejected and stands(name, record) for part, name, record in manifest)
    return len(sources) - len(rejected) - standing


def rejected_sources(stage: Stage) -> dict[str, str]:
    """Returns the sources that `prepare` made no target of, each with its reason, from rejected.json."""
    entries = read_entries(stage.target.parent / REJECTED, is_reason)
    return {name: reason for part, name, reason in entries if part == stage.target.name}


class TargetManifest:
    """One stage's records: a part of the `TARGETS` of the folder above its targets.

    Attributes:
        stage: The kind of target.
        sources: The source images by relative name.
        clashes: Sources whose target an earlier one claims, each with the reason.
    """

    def __init__(
        self, records: Manifest, stage: Stage, sources: dict[str, Path], target_of: Callable[[str], str]
    ) -> None:
        """Removes targets whose sources are gone, and what killed writers left.

        Args:
            records: The records of the folder above the stage's targets.
            stage: The kind of target; its folder is made if missing.
            sources: The source images by relative name.
            target_of: (relative name of a source) -> relative name of its target.

        Raises:
            UserError: The folder cannot be written.
        """
        self.stage, self.sources, self._target_of = stage, sources, target_of
        self._records, self._part = records, stage.target.name
        self._how = {
            "parameters": json.loads(json.dumps(stage.parameters)),  # as the manifest gives them back
            "made_by": {"function": stage.function_name, **tool_versions()},
        }
        claims: dict[str, str] = {}  # {target: the first of the sources that become it}
        self.clashes: dict[str, str] = {}
        for name, source in sources.items():
            first = claims.setdefault(self._claim(name), name)
            if first != name:
                target = quote(Path(target_of(name)).name)
                self.clashes[name] = f"{quote(source)} and {first!r} would both become {target}; rename one"
        try:
            stage.target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(stage.target, error) from None
        for folder, _, _ in os.walk(stage.target):
            remove_leftovers(folder)
        for name in [name for name in records.names(self._part) if name not in sources]:
            if self._claim(name) not in claims and isinstance(records.get(self._part, name), dict):
                self._unlink(name)
            records.write(gone=[(self._part, name)])

    def is_current(self, name: str) -> bool:
        """Returns whether the target stands as recorded, made from the source as it is now, in the stage's way."""
        record = self._records.get(self._part, name)
        if not isinstance(record, dict) or any(record.get(key) != how for key, how in self._how.items()):
            return False
        try:
            if (self.stage.target / self._target_of(name)).stat().st_size != record["target_bytes"]:
                return False
            then = record["source_mtime_ns"]
            now = unchanged_since(self.sources[name], record["source_bytes"], then, record["source_sha256"])
        except (OSError, KeyError):
            return False
        if now not in (None, then):
            self._records.write([(self._part, name, {**record, "source_mtime_ns": now})])
        return now is not None

    def accept(self, name: str, record: dict) -> None:
        """Records a target just written."""
        self._records.write([(self._part, name, {**record, **self._how})])

    def reject(self, name: str, reason: str) -> None:
        """Records why a source has no target, and removes the one it may have had."""
        before = self._records.get(self._part, name)
        if isinstance(before, dict) and name not in self.clashes:  # else the target is another source's
            self._unlink(name)
        if before != reason:
            self._records.write([(self._part, name, reason)])

    def _claim(self, name: str) -> str:
        return os.path.normcase(self._target_of(name))  # where the system ignores case, A.png and a.png are one file

    def _unlink(self, name: str) -> None:
        remove(self.stage.target / self._target_of(name))


def tool_versions() -> dict[str, str]:
    """Returns the version of every library that influences the pixels of a target."""
    import skimage

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


def remove(path: Path) -> None:
    """Removes a file, if it is there; raises `UserError` where that is not allowed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(path, error) from None


def not_writable(path: Path, error: OSError | sqlite3.Error) -> UserError:
    """Makes the error for a file or folder that cannot be written."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return UserError(
        f"{quote(path)} cannot be written ({reason or type(error).__name__}); change its permissions or free space"
    )
