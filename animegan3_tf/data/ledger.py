"""The books of one prepared folder: manifest.json (what each target was made from) and rejected.json (what was not)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage

import animegan3_tf
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote

MANIFEST, REJECTED = "manifest.json", "rejected.json"  # one of each per parent folder, keyed by target folder name


def missing_targets(stage, pictures: dict[str, Path], target_of: Callable[[str], str]) -> int:
    """How many sources of a stage lack a target made with its parameters; rejected sources need none.

    Told from the books and the sizes of the files, without reading a picture.
    """
    books, key = stage.target.parent, stage.target.name
    records = _load(books / MANIFEST, _is_record).get(key, {})
    rejected = _load(books / REJECTED, _is_reason).get(key, {})
    parameters = json.loads(json.dumps(stage.parameters))

    def stands(name, source):
        record = records.get(name, {})
        sizes = [(source, "source_bytes"), (stage.target / target_of(name), "target_bytes")]
        try:
            return record.get("parameters") == parameters and all(p.stat().st_size == record[k] for p, k in sizes)
        except (OSError, KeyError):
            return False

    return sum(name not in rejected and not stands(name, source) for name, source in pictures.items())


class Ledger:
    """One stage's part of the two books, kept in memory between saves.

    stage: has source, target, function and parameters. pictures: sources by relative name. target_of: source name ->
    target name, relative too. `clashes` holds the sources whose target an earlier one claims, with the reason.
    """

    def __init__(self, stage, pictures: dict[str, Path], target_of: Callable[[str], str]):
        self.stage, self.pictures, self._target_of = stage, pictures, target_of
        self._parameters = json.loads(json.dumps(stage.parameters))  # as the manifest gives them back
        self._made_by = {
            "function": f"{stage.function.__module__}.{stage.function.__qualname__}",
            **tool_versions(),
        }
        books = stage.target.parent
        self._records = _load(books / MANIFEST, _is_record).get(stage.target.name, {})
        self._rejected = _load(books / REJECTED, _is_reason).get(stage.target.name, {})
        self._claims: dict[str, str] = {}
        self.clashes: dict[str, str] = {}
        for name in pictures:
            first = self._claims.setdefault(self._key(name), name)
            if first != name:
                target = stage.target / target_of(name)
                self.clashes[name] = (
                    f"{quote(pictures[name])} and {first!r} would both become {target.name!r}; rename one"
                )
        try:
            stage.target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(stage.target, error) from None
        self._changed = False
        self._forget_vanished()

    def is_current(self, name: str) -> bool:
        """Whether the target stands as recorded, made from this very source in this very way."""
        record = self._records.get(name)
        if not record or record.get("parameters") != self._parameters or record.get("made_by") != self._made_by:
            return False
        source = self.pictures[name]
        try:
            if (self.stage.target / self._target_of(name)).stat().st_size != record["target_bytes"]:
                return False
            state = source.stat()
            if state.st_size != record["source_bytes"]:
                return False
            if state.st_mtime_ns != record["source_mtime_ns"]:  # touched or copied: its content decides
                if sha256_of(source) != record["source_sha256"]:
                    return False
                record["source_mtime_ns"], self._changed = state.st_mtime_ns, True
        except (OSError, KeyError):
            return False
        if self._rejected.pop(name, None):
            self._changed = True
        return True

    def accept(self, name: str, record: dict) -> None:
        """Records a target just written."""
        self._records[name] = {**record, "parameters": self._parameters, "made_by": self._made_by}
        self._rejected.pop(name, None)
        self._changed = True

    def reject(self, name: str, reason: str) -> None:
        """Records why a source has no target, and removes the one it may have had."""
        if name in self._records:
            self._drop(name)
        if self._rejected.get(name) != reason:
            self._rejected[name], self._changed = reason, True

    def save(self) -> None:
        """Writes this stage's part into both books, leaving the other stages' parts as they are on disk now."""
        if not self._changed:
            return
        books, key = self.stage.target.parent, self.stage.target.name
        for path, part, fits in (
            (books / MANIFEST, self._records, _is_record),
            (books / REJECTED, self._rejected, _is_reason),
        ):
            book = _load(path, fits)
            book.pop(key, None)
            if part:
                book[key] = part
            try:
                _store(path, book)
            except OSError as error:
                raise not_writable(path, error) from None
        self._changed = False

    def _key(self, name: str) -> str:
        return os.path.normcase(self._target_of(name))  # where the system ignores case, A.png and a.png are one file

    def _forget_vanished(self) -> None:
        for name in [name for name in self._records if name not in self.pictures]:
            self._drop(name)
        for name in [name for name in self._rejected if name not in self.pictures]:
            del self._rejected[name]
            self._changed = True

    def _drop(self, name: str) -> None:
        """Forgets a record and removes its target, unless that is now another source's."""
        del self._records[name]
        self._changed = True
        if self._claims.get(self._key(name), name) == name:
            target = self.stage.target / self._target_of(name)
            try:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise not_writable(target, error) from None


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


def _is_record(value) -> bool:
    return isinstance(value, dict) and "target_sha256" in value


def _is_reason(value) -> bool:
    return isinstance(value, str)


def _load(path: Path, fits: Callable[[object], bool]) -> dict[str, dict]:
    """A book from disk, empty when there is none; a data set's own file of that name is not ours to overwrite."""
    try:
        book = json.loads(path.read_text(encoding="utf-8"))
        if all(fits(value) for part in book.values() for value in part.values()):
            return book
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); change its permissions") from None
    except (ValueError, AttributeError):
        pass
    raise UserError(f"{quote(path)} was not written by prepare; move it away, or delete it to make the targets anew")


def _store(path: Path, book: dict) -> None:
    if not book:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(book, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def not_writable(path: Path, error: OSError) -> UserError:
    """The one line for a file of `prepare` that cannot be written."""
    reason = error.strerror or type(error).__name__
    return UserError(f"{quote(path)} cannot be written ({reason}); change its permissions or free space")
