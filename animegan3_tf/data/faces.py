"""Cuts the faces out of photos, and records which crop is of which photo."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import cv2
import numpy as np

import animegan3_tf
from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images, write_image
from animegan3_tf.data.face_align import Detector, Face, crop_matrix, share_outside, warp
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
from animegan3_tf.data.near_duplicates import SeenImages, perceptual_hash
from animegan3_tf.data.prepare import in_batches, read_source

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
    parts = _or_empty("photos", records.entries("photos")), _or_empty("settings", settings)
    write_entries(records.folder / _FACES, chain(*parts, [("source", "", records.get("source"))]), indent=1)
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


_BATCH, _BATCH_PIXELS = 16, 24_000_000  # photos in memory: one batch in work, the next being read


@dataclass(frozen=True)
class CropSettings:
    """How faces become crops.

    Attributes:
        size: Side of the crops in pixels.
        margin: Width added on each side of a face's box, as a share of its longer side.
        min_size: Longer side of the smallest boxes that are cut, in pixels of the photo.
        min_confidence: Least confidence of the faces that are cut, from 0 to 1.
        duplicates: Crops whose `perceptual_hash` differs from an earlier one's in at most so many of 256 bits are left
            out; -1 keeps them all.
        letterbox: Whether a photo without a face is taken whole, between black bars.
        max_outside: Crops of which a larger share lies outside their photo are left out, from 0 to 1: what lies there
            repeats the photo's outermost pixels, and training would learn the streaks.
    """

    size: int = 256
    margin: float = 0.12
    min_size: int = 64
    min_confidence: float = 0.9
    duplicates: int = 50
    letterbox: bool = False
    max_outside: float = 0.15

    def __post_init__(self) -> None:
        """Checks the ranges; raises `UserError`."""
        limits = {"size": (8, 4096), "margin": (0, 4), "min_size": (1, 100_000), "min_confidence": (0, 1)}
        limits["max_outside"] = (0, 1)
        for name, (low, high) in {**limits, "duplicates": (-1, 255)}.items():
            if not low <= getattr(self, name) <= high:
                option = "--" + name.replace("_", "-")
                raise UserError(f"{option} is {getattr(self, name)}; give from {low:,} to {high:,}")


@dataclass
class FacesReport:
    """How a run ended.

    Attributes:
        written: How many crops were written.
        current: How many photos were done already.
        rejected: How many photos and faces gave no crop, by the kind of reason; photos done earlier count too.
        failed: (photo, one line) for each photo that could not be read or whose crop's name is taken.
    """

    written: int = 0
    current: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: list[tuple[Path, str]] = field(default_factory=list)


def crop_faces(
    source: StrPath,
    target: StrPath,
    detector: Detector,
    settings: CropSettings = CropSettings(),
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Advance | None = None,
) -> FacesReport:
    """Cuts the faces out of photos and writes them as PNGs.

    A photo's crop is called `<stem>.png`, or `<stem>_1.png` and so on from left to right when it has several, below the
    folders that the photo lies in. faces.json maps each crop to its photo and the matrix from crop to photo;
    rejected.json says why photos gave none. Photos that are done already cost no decoding and no detection.

    Args:
        source: A photo, or a folder of photos and folders.
        target: The folder of the crops, faces.json and rejected.json.
        detector: Finds the faces.
        settings: Which faces are cut, and how.
        max_pixels: Photos with more are left out.
        on_progress: Called as (done, total, name) after each photo.

    Returns:
        How many crops were written, and what was left out.

    Raises:
        UserError: The source does not exist or holds no photos, or the target cannot be written or holds something
            else.
    """
    source, target = Path(source), Path(target)
    report = FacesReport()
    photos = _photos(source, target, report)
    with Manifest(target, FACES) as records:
        manifest = FaceManifest(records, source, {**asdict(settings), **detector.settings})
        if not report.failed:  # else a folder could not be listed, and its photos may still be there
            manifest.forget_others(photos)
        todo = [name for name in photos if not manifest.is_current(name, photos[name])]
        done = report.current = len(photos) - len(todo)
        work = _Cropping(manifest, detector, settings, report, photos, set(todo))
        read = (_read(name, photos[name], max_pixels) for name in todo)
        for batch in in_batches(read, _BATCH, _BATCH_PIXELS):
            for name in work.crop(batch):
                done += 1
                if on_progress:
                    on_progress(done, len(photos), name)
        for name in photos:
            if reason := manifest.rejection(name):
                report.rejected[reason.partition(":")[0]] += 1
    return report


class _Photo(NamedTuple):
    """A photo that was read.

    Attributes:
        name: Its path below the source.
        origin: "bytes", "mtime_ns" and "sha256" of its file.
        rgb: uint8 [H, W, 3].
    """

    name: str
    origin: dict
    rgb: np.ndarray


class _Unreadable(NamedTuple):
    """A photo that cannot be read, and why."""

    name: str
    problem: str


class _Cropping:
    """Detects, cuts, compares and writes, a batch of photos at a time."""

    def __init__(
        self,
        manifest: FaceManifest,
        detector: Detector,
        settings: CropSettings,
        report: FacesReport,
        photos: dict[str, Path],
        todo: set[str],
    ) -> None:
        self.manifest, self.detector, self.settings = manifest, detector, settings
        self.report, self.photos = report, photos
        self.seen = SeenImages()
        for name in photos:
            if name not in todo:
                for crop in manifest.crops(name):
                    self.seen.add(crop["file"], bytes.fromhex(crop["hash"]))

    def crop(self, batch: Sequence[_Photo | _Unreadable]) -> Iterator[str]:
        """Yields the names of the photos as they are done."""
        read = [photo for photo in batch if isinstance(photo, _Photo)]
        found = self.detector([photo.rgb for photo in read], [photo.name for photo in read]) if read else []
        faces = iter(found)
        for photo in batch:
            if isinstance(photo, _Photo):
                self._crop(photo, next(faces))
            else:
                self._fail(photo.name, photo.problem, "unreadable")
            yield photo.name

    def _crop(self, photo: _Photo, found: Sequence[Face]) -> None:
        faces, rejected = self._fitting(photo.rgb, found)
        margin, border = self.settings.margin, cv2.BORDER_REPLICATE
        if self.settings.letterbox and rejected is not None and rejected.startswith("no face"):
            height, width = photo.rgb.shape[:2]
            faces, rejected = [Face((0.0, 0.0, float(width), float(height)), 0.0)], None
            margin, border = 0.0, cv2.BORDER_CONSTANT
        reasons = [rejected] if rejected else []
        if border == cv2.BORDER_REPLICATE:
            faces, cut = self._within(photo.rgb, faces)
            reasons += cut
        stem = PurePosixPath(photo.name).with_suffix("")
        files = [f"{stem}.png"] if len(faces) == 1 else [f"{stem}_{i}.png" for i in range(1, len(faces) + 1)]
        for file in files:
            if refusal := self.manifest.refusal(photo.name, file):
                return self._fail(photo.name, refusal, "name taken")
        self.manifest.announce(files)
        crops: list[dict] = []
        duplicates: list[str] = []
        for face, file in zip(faces, files):
            matrix = crop_matrix(face, self.settings.size, margin)
            image = warp(photo.rgb, matrix, (self.settings.size, self.settings.size), border)
            fingerprint = perceptual_hash(image)
            nearest, bits = self.seen.nearest(fingerprint)
            if nearest is not None and bits <= self.settings.duplicates:
                reasons.append(f"near-duplicate: {bits} of 256 bits differ from {nearest!r}")
                duplicates.append(nearest)
                continue
            write_image(self.manifest.target / file, image)
            self.seen.add(file, fingerprint)
            crops.append(_record(file, self.manifest.target / file, face, matrix, fingerprint))
        self.report.written += len(crops)
        self.manifest.enter(photo.name, photo.origin, crops, "; ".join(reasons) or None, duplicates)

    def _fitting(self, rgb: np.ndarray, found: Sequence[Face]) -> tuple[list[Face], str | None]:
        """Picks the faces to cut, from left to right; where there are none, the second value says why in one line."""
        height, width = rgb.shape[:2]
        sure = [face for face in found if face.confidence >= self.settings.min_confidence]
        inside = [face for face in sure if 0 <= face.center[0] <= width and 0 <= face.center[1] <= height]
        large = [face for face in inside if face.side >= self.settings.min_size]
        reason: str | None = None
        if not found:
            reason = f"no face: none of {self.settings.min_size} pixels or more was found"
        elif not sure:
            best = max(face.confidence for face in found)
            reason = f"no face: the likeliest has confidence {best:.2f}, under {self.settings.min_confidence:g}"
        elif not inside:
            reason = f"no face: the box lies outside the picture of {width}x{height}"
        elif not large:
            best = max(face.side for face in inside)
            reason = f"too small: the largest face measures {best:.0f} pixels, under {self.settings.min_size}"
        return sorted(large, key=lambda face: face.center), reason

    def _within(self, rgb: np.ndarray, faces: Sequence[Face]) -> tuple[list[Face], list[str]]:
        """Picks the faces whose crops lie in the photo far enough; one line says why for each of the others."""
        kept, reasons = [], []
        settings, most = self.settings, self.settings.max_outside
        for face in faces:
            matrix = crop_matrix(face, settings.size, settings.margin)
            outside = share_outside(matrix, settings.size, (rgb.shape[0], rgb.shape[1]))
            if outside <= most:
                kept.append(face)
            else:
                reasons.append(f"cut off: {outside:.0%} lies outside its photo, over {most:.0%}".replace("%", " %"))
        return kept, reasons

    def _fail(self, name: str, reason: str, kind: str) -> None:
        self.report.failed.append((self.photos[name], reason))
        self.manifest.enter(name, {}, [], f"{kind}: {reason}")


def _record(file: str, path: Path, face: Face, matrix: np.ndarray, fingerprint: bytes) -> dict:
    return {
        "file": file,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "hash": fingerprint.hex(),
        "box": [round(value, 2) for value in face.box],
        "confidence": round(face.confidence, 4),
        "landmarks": [[round(value, 2) for value in point] for point in face.landmarks],
        "crop_to_photo": matrix.tolist(),
    }


def _photos(source: Path, target: Path, report: FacesReport) -> dict[str, Path]:
    """Finds the photos by their path below the source, without those in the target; unlisted folders are reported."""
    if not source.exists():
        raise UserError(f"{quote(source)} does not exist; name a photo or a folder of photos")
    if not source.is_dir():
        return {source.name: source}
    crops = Path(os.path.realpath(target))
    if crops == Path(os.path.realpath(source)):
        raise UserError(f"{quote(target)} is the folder of the photos; name another for the crops")
    found = find_images(source, lambda folder, error: report.failed.append((folder, str(error))))
    if crops.is_relative_to(os.path.realpath(source)):
        found = [path for path in found if not Path(os.path.realpath(path)).is_relative_to(crops)]
    if not found and not report.failed:
        raise UserError(f"{quote(source)} holds no pictures; put JPEG or PNG files into it")
    return {path.relative_to(source).as_posix(): path for path in found}


def _read(name: str, path: Path, max_pixels: int) -> _Photo | _Unreadable:
    found = read_source(path, name, max_pixels)
    if isinstance(found, str):
        return _Unreadable(name, found)
    state, record = found
    return _Photo(name, {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": record.sha256}, record.rgb)
