"""The records of a folder of face crops: the photo and matrix of each crop, and why some photos gave none."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import whole_file
from animegan3_tf.data.manifest import not_writable, unchanged_since

MANIFEST, REJECTED = "faces.json", "rejected.json"
_JOURNAL = ".faces.journal"  # the crops that may have been written since faces.json was


class FaceManifest:
    """faces.json, rejected.json and the crops of one folder; kept in memory between saves.

    faces.json: {"source", "settings": {id: settings}, "photos": {name: record}}; a record has "bytes", "mtime_ns",
    "sha256", "settings" (an id), "rejected" (one line, or null), "duplicates" (the crops it repeats) and "crops", each
    of those with "file", "bytes", "sha256", "hash", "box", "confidence", "landmarks" and "crop_to_photo".

    Attributes:
        target: The folder of the crops.
    """

    def __init__(self, target: Path, source: Path, settings: dict) -> None:
        """Opens the records of a folder, and undoes what a killed run wrote without recording it.

        Args:
            target: The folder of the crops, made if missing.
            source: Folder or file of the photos.
            settings: Everything the crops depend on, as JSON takes it; photos that were done with other settings are
                not current.

        Raises:
            UserError: The folder holds the faces of another source, or files of these names that are not ours, or
                cannot be written.
        """
        self.target = target
        made_by = {"animegan3_tf": animegan3_tf.__version__, "opencv": cv2.__version__, "numpy": np.__version__}
        self._settings = json.loads(json.dumps({**settings, "made_by": made_by}))
        self._settings_id = hashlib.sha256(json.dumps(self._settings, sort_keys=True).encode()).hexdigest()[:12]
        self._source = os.path.relpath(source, target)
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(target, error) from None
        manifest = _load(target / MANIFEST)
        if manifest and manifest["source"] != self._source:
            raise UserError(
                f"{quote(target)} holds the faces of {quote(os.path.normpath(target / manifest['source']))}; name "
                f"another folder, or remove it to start over"
            )
        self._all_settings = manifest.get("settings", {})
        self._photos: dict[str, dict] = manifest.get("photos", {})
        self._owner: dict[str, str] = {}
        for name in self._photos:
            self._claim(name)
        self._changed = False
        self._undo_unrecorded()

    def is_current(self, name: str, photo: Path) -> bool:
        """Returns whether a photo was done with these settings and its crops stand as recorded."""
        record = self._photos.get(name)
        if not record or record["settings"] != self._settings_id:
            return False
        if any(os.path.normcase(crop) not in self._owner for crop in record["duplicates"]):
            return False  # the crop that it repeats has gone
        try:
            if any((self.target / crop["file"]).stat().st_size != crop["bytes"] for crop in record["crops"]):
                return False
            now = unchanged_since(photo, record["bytes"], record["mtime_ns"], record["sha256"])
            if now is None:
                return False
            if now != record["mtime_ns"]:
                record["mtime_ns"], self._changed = now, True
        except OSError:
            return False
        return True

    def crops(self, name: str) -> list[dict]:
        """Returns the records of a photo's crops."""
        return self._photos[name]["crops"] if name in self._photos else []

    def rejection(self, name: str) -> str | None:
        """Returns why a photo, or a face in it, gave no crop; None where all did."""
        return self._photos.get(name, {}).get("rejected")

    def refusal(self, name: str, file: str) -> str | None:
        """Checks the name of a new crop.

        Args:
            name: The photo.
            file: The crop's path below the target.

        Returns:
            One line on why the crop may not have this name: another photo's crop has it, or a file stands there. None
            where it may.
        """
        owner, path = self._owner.get(os.path.normcase(file)), self.target / file
        if owner is not None and owner != name:
            return f"{name!r} and {owner!r} would both become {file!r}; rename one"
        if owner is None and os.path.lexists(path):
            return f"{quote(path)} stands where a crop of {name!r} belongs; move it away or name another folder"
        return None

    def announce(self, files: Sequence[str]) -> None:
        """Notes the files of crops before they are written, so that the next run knows those of a killed one."""
        try:
            with open(self.target / _JOURNAL, "a", encoding="ascii") as journal:
                journal.writelines(json.dumps(file) + "\n" for file in files)
        except OSError as error:
            raise not_writable(self.target / _JOURNAL, error) from None

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
        self._drop(name, keep={crop["file"] for crop in crops})
        self._photos[name] = {
            **origin,
            "settings": self._settings_id if origin else None,
            "crops": list(crops),
            "rejected": rejected,
            "duplicates": list(duplicates),
        }
        self._claim(name)
        self._changed = True

    def forget_others(self, names: Collection[str]) -> None:
        """Removes the records and crops of all photos but these."""
        for name in [name for name in self._photos if name not in names]:
            self._drop(name)
            del self._photos[name]

    def save(self) -> None:
        """Writes both files; each is replaced whole."""
        if not self._changed:
            return
        self._all_settings[self._settings_id] = self._settings
        used = {record["settings"] for record in self._photos.values()}
        manifest = {
            "source": self._source,
            "settings": {key: value for key, value in self._all_settings.items() if key in used},
            "photos": self._photos,
        }
        rejected = {name: record["rejected"] for name, record in self._photos.items() if record["rejected"]}
        for path, content in ((self.target / MANIFEST, manifest), (self.target / REJECTED, rejected)):
            try:
                with whole_file(path) as temporary:
                    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="ascii")
            except OSError as error:
                raise not_writable(path, error) from None
        with contextlib.suppress(OSError):
            (self.target / _JOURNAL).unlink()
        self._changed = False

    def _undo_unrecorded(self) -> None:
        """Removes crops that a killed run wrote and did not record; those that replaced recorded ones are made anew."""
        journal = self.target / _JOURNAL
        try:
            lines = journal.read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise UserError(f"{quote(journal)} cannot be read ({error}); remove it") from None
        for line in lines:
            try:
                file = json.loads(line)
            except ValueError:
                break  # the kill came in the middle of this line, before any of its crops
            owner = self._owner.get(os.path.normcase(file))
            if owner is None:
                _remove(self.target / file)
            else:
                self._photos[owner]["settings"] = None
        self._changed = True
        self.save()  # ends the journal: a line may have been cut short

    def _claim(self, name: str) -> None:
        for crop in self.crops(name):  # where the system ignores case, A.png and a.png are one file
            self._owner[os.path.normcase(crop["file"])] = name

    def _drop(self, name: str, keep: Collection[str] = ()) -> None:
        for crop in self.crops(name):
            if crop["file"] not in keep:
                _remove(self.target / crop["file"])
            self._owner.pop(os.path.normcase(crop["file"]), None)
            self._changed = True


def _load(path: Path) -> dict:
    """Reads the manifest, {} where there is none; refuses a data set's own file of that name."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        parts = {"settings", "crops", "rejected", "duplicates"}
        if isinstance(manifest["source"], str) and all(parts <= set(record) for record in manifest["photos"].values()):
            return manifest
    except FileNotFoundError:
        path = path.with_name(REJECTED)  # written after the manifest, so alone it is not ours either
        if not path.exists():
            return {}
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); change its permissions") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UserError(f"{quote(path)} was not written by animegan3 faces; move it away or name another folder")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise not_writable(path, error) from None
