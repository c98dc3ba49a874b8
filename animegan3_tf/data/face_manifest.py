"""The records of a folder of face crops: the photo and matrix of each crop, and why some photos gave none."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.data.manifest import (
    REJECTED,
    Entry,
    Format,
    Manifest,
    read_entries,
    remove,
    unchanged_since,
    write_entries,
)

_FACES = "faces.json"
_REFUSAL = "was not written by animegan3 faces; move it away or name another folder"
_RECORD = {"settings", "crops", "rejected", "duplicates"}


def _read_faces(folder: Path) -> Iterator[Entry]:
    """Reads faces.json; and for the part "crops", which is in the journal alone, the photo of each crop."""
    if not (folder / _FACES).exists() and (folder / REJECTED).exists():  # it is written second
        raise UserError(f"{quote(folder / REJECTED)} {_REFUSAL}")
    parts = set()
    for part, name, value in read_entries(folder / _FACES, _fits, _REFUSAL):
        parts.add(part)
        yield part, name, value
        if part == "photos":
            yield from (("crops", _key(crop["file"]), name) for crop in value["crops"])
    if parts and "source" not in parts:
        raise UserError(f"{quote(folder / _FACES)} {_REFUSAL}")


def _fits(part: str, value: Any) -> bool:
    if part == "source":
        return isinstance(value, str)
    return isinstance(value, dict) and (part == "settings" or (part == "photos" and set(value) >= _RECORD))


def _save_faces(records: Manifest) -> None:
    _undo_unrecorded(records)
    used = {photo["settings"] for _, _, photo in records.entries("photos")}
    settings = (entry for entry in records.entries("settings") if entry[1] in used)
    entries = chain(
        _or_empty("photos", records.entries("photos")),
        _or_empty("settings", settings),
        [("source", "", records.get("source"))],
    )
    write_entries(records.folder / _FACES, entries, indent=1)
    rejected = ((name, "", photo["rejected"]) for _, name, photo in records.entries("photos") if photo["rejected"])
    write_entries(records.folder / REJECTED, rejected, indent=1)


def _or_empty(part: str, entries: Iterator[Entry]) -> Iterator[Entry]:
    """Yields the entries of a part, or an empty object in their place."""
    yield next(entries, (part, "", {}))
    yield from entries


def _undo_unrecorded(records: Manifest) -> None:
    """Removes crops that were written and not recorded; those that replaced recorded ones are made anew."""
    for file in list(records.names("begun")):
        owner = records.get("crops", _key(file))
        if owner is None:
            remove(records.folder / file)
        photos = [] if owner is None else [("photos", owner, {**records.get("photos", owner), "settings": None})]
        records.write(photos, gone=[("begun", file)])


def _key(file: str) -> str:
    return os.path.normcase(file)  # where the system ignores case, A.png and a.png are one file


FACES = Format(_FACES, _read_faces, _save_faces)


class FaceManifest:
    """The crops of one folder; their records are saved as faces.json and rejected.json.

    faces.json: {"source", "settings": {id: settings}, "photos": {name: record}}; a record has "bytes", "mtime_ns",
    "sha256", "settings" (an id), "rejected" (one line, or null), "duplicates" (the crops it repeats) and "crops", each
    of those with "file", "bytes", "sha256", "hash", "box", "confidence", "landmarks" and "crop_to_photo".

    Attributes:
        target: The folder of the crops.
    """

    def __init__(self, records: Manifest, source: Path, settings: dict) -> None:
        """Checks the folder, and undoes what a killed run wrote without recording it.

        Args:
            records: The `FACES` of the folder of the crops.
            source: Folder or file of the photos.
            settings: Everything the crops depend on, as JSON takes it; photos that were done with other settings are
                not current.

        Raises:
            UserError: The folder holds the faces of another source, or cannot be written.
        """
        self.target, self._records = records.folder, records
        made_by = {"animegan3_tf": animegan3_tf.__version__, "opencv": cv2.__version__, "numpy": np.__version__}
        settings = {**settings, "made_by": made_by}
        self._settings_id = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        here = os.path.relpath(source, self.target)
        held = records.get("source") or here
        if held != here:
            raise UserError(
                f"{quote(self.target)} holds the faces of {quote(os.path.normpath(self.target / held))}; name another "
                "folder, or remove it to start over"
            )
        _undo_unrecorded(records)
        if records.get("settings", self._settings_id) is None:
            records.write([("source", "", here), ("settings", self._settings_id, settings)])

    def is_current(self, name: str, photo: Path) -> bool:
        """Returns whether a photo was done with these settings and its crops stand as recorded."""
        record = self._records.get("photos", name)
        if not record or record["settings"] != self._settings_id:
            return False
        if any(self._records.get("crops", _key(crop)) is None for crop in record["duplicates"]):
            return False  # the crop that it repeats has gone
        try:
            if any((self.target / crop["file"]).stat().st_size != crop["bytes"] for crop in record["crops"]):
                return False
            now = unchanged_since(photo, record["bytes"], record["mtime_ns"], record["sha256"])
        except OSError:
            return False
        if now not in (None, record["mtime_ns"]):
            self._records.write([("photos", name, {**record, "mtime_ns": now})])
        return now is not None

    def crops(self, name: str) -> list[dict]:
        """Returns the records of a photo's crops."""
        return (self._records.get("photos", name) or {"crops": []})["crops"]

    def rejection(self, name: str) -> str | None:
        """Returns why a photo, or a face in it, gave no crop; None where all did."""
        return (self._records.get("photos", name) or {"rejected": None})["rejected"]

    def refusal(self, name: str, file: str) -> str | None:
        """Checks the name of a new crop.

        Args:
            name: The photo.
            file: The crop's path below the target.

        Returns:
            One line on why the crop may not have this name: another photo's crop has it, or a file stands there. None
            where it may.
        """
        owner, path = self._records.get("crops", _key(file)), self.target / file
        if owner is not None and owner != name:
            return f"{name!r} and {owner!r} would both become {file!r}; rename one"
        if owner is None and os.path.lexists(path):
            return f"{quote(path)} stands where a crop of {name!r} belongs; move it away or name another folder"
        return None

    def announce(self, files: Sequence[str]) -> None:
        """Notes the files of crops before they are written, so that the next run knows those of a killed one."""
        self._records.write(("begun", file, None) for file in files)

    def enter(
        self,
        name: str,
        origin: dict,
        crops: Sequence[dict],
        rejected: str | None = None,
        duplicates: Sequence[str] = (),
    ) -> None:
        """Records the crops of a photo, and removes those that an earlier run made of it and this one did not.

        Args:
            name: The photo.
            origin: "bytes", "mtime_ns" and "sha256" of the photo; empty when it could not be read. The next run then
                tries it again.
            crops: The records of its crops, which are written already.
            rejected: Why the photo or a face in it gave no crop, in one line.
            duplicates: The crops that faces of this photo repeat.
        """
        record = {
            **origin,
            "settings": self._settings_id if origin else None,
            "crops": list(crops),
            "rejected": rejected,
            "duplicates": list(duplicates),
        }
        gone = [*self._drop(name, keep={crop["file"] for crop in crops})]
        gone += [("begun", file) for file in self._records.names("begun")]
        owned = (("crops", _key(crop["file"]), name) for crop in crops)
        self._records.write([("photos", name, record), *owned], gone)

    def forget_others(self, names: Collection[str]) -> None:
        """Removes the records and crops of all photos but these."""
        for name in [name for name in self._records.names("photos") if name not in names]:
            self._records.write(gone=[*self._drop(name), ("photos", name)])

    def _drop(self, name: str, keep: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Removes crops of a photo, and yields the entries of all its crops."""
        for crop in self.crops(name):
            if crop["file"] not in keep:
                remove(self.target / crop["file"])
            yield "crops", _key(crop["file"])
