"""Makes pairs of photo and drawing for training: a teacher draws, the photo's colours come back, checks look on."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import StrPath, parse_json, read_bounded, remove_leftovers, sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS
from animegan3_tf.common.workers import in_processes
from animegan3_tf.data.drawing_checks import check_drawing
from animegan3_tf.data.face_align import LEAST_SIDE, MOST_SIDE, Detector, Face, face_square, inverse, to_source, warp
from animegan3_tf.data.manifest import (
    MANIFEST,
    REJECTED,
    Entry,
    Format,
    Manifest,
    not_writable,
    read_entries,
    remove,
    write_entries,
)
from animegan3_tf.data.prepare import Record, in_batches, read_source
from animegan3_tf.data.region_colors import color_keeper

PHOTO, ANIME = "photo", "anime"  # the two folders
CROSSED_OFF = "crossed off: a person left it out"
_PARTS = ("pairs", "photos", "settings")
_UNREAD = "unread"  # a part of the journal alone: {name of a photo: why it could not be read}


class Rejection(NamedTuple):
    """A face, or a whole photo, that gave no pair.

    Attributes:
        stem: The stem that the face's pair would have; None for a whole photo.
        reason: One line, which begins with its kind and a colon.
    """

    stem: str | None
    reason: str


def _read_pairs(folder: Path) -> Iterator[Entry]:
    return read_entries(folder / MANIFEST, lambda part, value: part in _PARTS)


def _save_pairs(records: Manifest) -> None:
    write_entries(records.folder / MANIFEST, records.entries(*_PARTS))
    rejected: dict[str, list[str]] = {}
    for name, (stem, reason) in sorted(_rejections(records), key=str):
        rejected.setdefault(name, []).append(reason if stem is None else f"{stem}: {reason}")
    write_entries(records.folder / REJECTED, ((name, "", reasons) for name, reasons in rejected.items()), indent=1)


def _rejections(records: Manifest) -> Iterator[tuple[str, Rejection]]:
    for _, _, photo in records.entries("photos"):
        for stem, reason in photo["rejected"]:
            yield photo["name"], Rejection(stem, reason)
    for _, name, reason in records.entries(_UNREAD):
        yield name, Rejection(None, f"unreadable: {reason}")


PAIRS = Format(MANIFEST, _read_pairs, _save_pairs)


class PairManifest:
    """The pairs of one folder; their records are saved as manifest.json and rejected.json.

    A photo is known by the sha256 of its file, so that it is drawn once, whatever its name. manifest.json holds
    "settings" (how all pairs of the folder were made), "photos" {sha256: {"name", "pairs", "rejected"}} and "pairs"
    {stem: record}; `photo/<stem>.png` and `anime/<stem>.png` are the pair. rejected.json holds {name of the photo:
    reasons}.

    Attributes:
        folder: Folder of the pairs.
    """

    def __init__(self, records: Manifest, settings: dict | None = None) -> None:
        """Checks the folder.

        Args:
            records: The `PAIRS` of the folder.
            settings: Everything the pairs depend on, as JSON takes it; None takes those of the folder, which then must
                hold pairs.

        Raises:
            UserError: The folder holds pairs that were made with other settings, or cannot be written.
        """
        self.folder, self._records = records.folder, records
        if settings is None and next(records.entries(*_PARTS), None) is None:
            raise UserError(
                f"folder {quote(self.folder)} holds no pairs; make them with animegan3 pairs PHOTOS --teacher"
            )
        try:
            for name in (PHOTO, ANIME):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                remove_leftovers(self.folder / name)
        except OSError as error:
            raise not_writable(self.folder, error) from None
        before: dict[str, Any] = {name: value for _, name, value in records.entries("settings")}
        now = before if settings is None else json.loads(json.dumps(settings))
        changed = sorted(key for key, value in now.items() if before.get(key, value) != value)
        if changed:
            changes = "; ".join(f"{key} was {before[key]!r}, is {now[key]!r}" for key in changed)
            raise UserError(
                f"folder {quote(self.folder)} holds pairs made with other settings ({changes}); name another folder"
            )
        gone = [("settings", key) for key in before] + [(_UNREAD, name) for name in records.names(_UNREAD)]
        records.write((("settings", key, value) for key, value in now.items()), gone)

    @property
    def pairs(self) -> dict[str, dict]:
        """{stem: record} of all pairs."""
        return {stem: record for _, stem, record in self._records.entries("pairs")}

    def is_done(self, sha256: str) -> bool:
        """Returns whether a photo was done and its pairs are still in the folder."""
        photo = self._records.get("photos", sha256)
        return photo is not None and all(self._stands(stem) for stem in photo["pairs"])

    def _stands(self, stem: str) -> bool:
        """Returns whether the two files of a pair are as recorded."""
        record = self._records.get("pairs", stem) or {}
        paths = {folder: self.folder / folder / f"{stem}.png" for folder in (PHOTO, ANIME)}
        try:
            return all(path.stat().st_size == record[f"{folder}_bytes"] for folder, path in paths.items())
        except (OSError, KeyError):
            return False

    def enter(self, sha256: str, name: str, pairs: dict[str, dict], rejected: Iterable[Rejection]) -> None:
        """Records the pairs and rejections of a photo.

        Args:
            sha256: SHA-256 of the photo's file.
            name: The photo's name, for people.
            pairs: {stem: record} of its pairs, whose images are written already.
            rejected: The faces that gave no pair, or the whole photo.

        Raises:
            UserError: The folder cannot be written.
        """
        before = self._records.get("photos", sha256) or {"pairs": []}
        photo = {"name": name, "pairs": sorted(pairs), "rejected": [list(one) for one in rejected]}
        made = (("pairs", stem, record) for stem, record in pairs.items())
        self._records.write([("photos", sha256, photo), *made], gone=[("pairs", stem) for stem in before["pairs"]])

    def enter_unreadable(self, name: str, reason: str) -> None:
        """Notes a photo that could not be read; it is tried again next time."""
        self._records.write([(_UNREAD, name, reason)])

    def cross_off(self, stems: Collection[str]) -> int:
        """Removes pairs that a person crossed off, for good.

        Args:
            stems: The stems of the pairs; those that were crossed off before are passed over.

        Returns:
            How many were removed now.

        Raises:
            UserError: A stem belongs to no pair of the folder.
        """
        pairs, before = self.pairs, {rejection.stem for _, rejection in self.rejections()}
        unknown = sorted(stem for stem in stems if stem not in pairs and stem not in before)
        if unknown:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            raise UserError(
                f"review names {unknown[0]!r}{more}, which {quote(self.folder)} does not hold; give the review of this "
                "folder"
            )
        gone = [stem for stem in dict.fromkeys(stems) if stem in pairs]
        for stem in gone:  # the record first: a kill in between leaves files that no record names, which train reports
            sha256 = pairs[stem]["photo_sha256"]
            photo = self._records.get("photos", sha256)
            photo["pairs"].remove(stem)
            photo["rejected"].append([stem, CROSSED_OFF])
            self._records.write([("photos", sha256, photo)], gone=[("pairs", stem)])
            for folder in (PHOTO, ANIME):
                remove(self.folder / folder / f"{stem}.png")
        return len(gone)

    def rejections(self) -> Iterator[tuple[str, Rejection]]:
        """Yields (name of the photo, rejection) for every face and photo that gave no pair."""
        return _rejections(self._records)


SMALLEST = 64  # side of a pair in pixels
_MIN_CONFIDENCE = 0.9
_BATCH, _BATCH_PIXELS = 8, 24_000_000  # photos that are read and searched together


class Teacher(Protocol):
    """A generator that draws.

    Attributes:
        name: Its file's name.
        sha256: SHA-256 of its file.
        fixed_size: (height, width) where it takes no other size.
    """

    name: str
    sha256: str
    fixed_size: tuple[int, int] | None

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Draws one image, uint8 [H, W, 3] to the same size."""


@dataclass(frozen=True)
class PairMakingSettings:
    """How pairs are made.

    Attributes:
        size: Side of a pair in pixels; the longer one for whole images.
        teacher_size: Side in pixels at which the teacher draws.
        keep_colors: "region" gives the drawing the photo's colours (`keep_region_colors`), "none" leaves the teacher's.
        faces: Whether faces are cut out; otherwise whole images are taken.
        checks: Whether drawings of faces that fail `check_drawing` are left out.
        min_face: Side in pixels of the smallest faces to find.
    """

    size: int = 384
    teacher_size: int = 512
    keep_colors: str = "region"
    faces: bool = True
    checks: bool = True
    min_face: int = 64

    def __post_init__(self) -> None:
        """Checks the values; raises `UserError`."""
        for name, least in (("size", SMALLEST), ("teacher_size", SMALLEST), ("min_face", 20)):
            if not least <= getattr(self, name) <= 4096:
                raise UserError(f"{name} is {getattr(self, name)}; give from {least} to 4,096 pixels")
        color_keeper(self.keep_colors)  # refuses unknown names


@dataclass
class PairsReport:
    """How a run ended.

    Attributes:
        written: How many pairs this run wrote.
        pairs: How many pairs the folder holds.
        current: How many photos were done before.
        rejected: How often each kind of reason stands in rejected.json.
        unreadable: One line for each photo that could not be read.
    """

    written: int = 0
    pairs: int = 0
    current: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def make_pairs(
    photos: Sequence[Path],
    out: Path,
    teachers: Sequence[Teacher],
    detector: Detector | None,
    settings: PairMakingSettings = PairMakingSettings(),
    jobs: int = 1,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Advance | None = None,
    write_page: Callable[[PairManifest], object] | None = None,
) -> PairsReport:
    """Makes pairs for training from photos and a teacher (DESIGN: pairs and distillation).

    Photos that were done before are recognised by their content and not drawn again. A run that is killed loses only
    the drawings in progress; run again, it ends with the same files.

    Args:
        photos: Image files.
        out: Folder for `photo/`, `anime/`, manifest.json and rejected.json.
        teachers: Models that draw one after the other, each from the drawing of the one before it.
        detector: Finds the faces; None where `settings.faces` is off.
        settings: Sizes, colours, checks.
        jobs: Number of processes that check, colour and write; the teachers draw in this one.
        max_pixels: Photos with more pixels are left out.
        on_progress: Called as (done, total, name) after each photo.
        write_page: Called with the records at the end, to write the page on which a person reviews the pairs.

    Returns:
        How many pairs were written and were there, and how many faces and photos were rejected.

    Raises:
        UserError: The folder holds pairs made with other settings or cannot be written, or a teacher takes only another
            size.
        ValueError: `settings.faces` is on and there is no detector.
    """
    if settings.faces and detector is None:
        raise ValueError("settings.faces is on and detector is None; pass a detector")
    for teacher in teachers:
        side = settings.teacher_size
        if teacher.fixed_size is not None and teacher.fixed_size != (side, side):
            height, width = teacher.fixed_size
            raise UserError(f"teacher {teacher.name!r} draws {width}x{height} only; give --teacher-size {width}")
    made_by = [{"name": teacher.name, "sha256": teacher.sha256} for teacher in teachers]
    detected_by = detector.settings if detector else None
    out = Path(out)
    with Manifest(out, PAIRS) as records:
        manifest = PairManifest(records, {**asdict(settings), "teachers": made_by, "detector": detected_by})
        work = _Work(manifest, teachers, detector, settings, max_pixels)
        for done, name in enumerate(_run(work, photos, jobs), 1):
            if on_progress:
                on_progress(done, len(photos), name)
        if write_page:
            write_page(manifest)
        kinds = Counter(rejection.reason.partition(":")[0] for _, rejection in manifest.rejections())
        return replace(work.report, pairs=len(manifest.pairs), rejected=kinds)


def cross_off(out: Path, review: Path, write_page: Callable[[PairManifest], object] | None = None) -> int:
    """Removes the pairs that a person crossed off on the page.

    Args:
        out: Folder of the pairs.
        review: The file that the page saved.
        write_page: As for `make_pairs`.

    Returns:
        How many pairs were removed now.

    Raises:
        UserError: The review cannot be read, or names a pair that is not in the folder.
    """
    stems = read_review(review)
    with Manifest(out, PAIRS) as records:
        manifest = PairManifest(records)
        removed = manifest.cross_off(stems)
        if write_page:
            write_page(manifest)
    return removed


def read_review(path: StrPath) -> list[str]:
    """Reads the pairs that a person crossed off on the page.

    Args:
        path: The file that the page saved.

    Returns:
        The stems of the pairs.

    Raises:
        UserError: The file cannot be read or is something else.
    """
    try:
        stems = parse_json(read_bounded(path))["crossed_off"]
        if not isinstance(stems, list) or not all(isinstance(stem, str) for stem in stems):
            raise TypeError
    except OSError as error:
        raise UserError(f"review {quote(path)} cannot be read ({error.strerror}); check the path") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"review {quote(path)} is not a file that the page of pairs saved; save it again") from None
    return stems


class _Drawing(NamedTuple):
    """A drawing that a worker process checks, colours and writes."""

    folder: Path
    stem: str
    square: np.ndarray
    drawing: np.ndarray
    landmarks: list[list[float]] | None
    settings: PairMakingSettings
    sha256: str


@dataclass
class _Outcome:
    """The pairs and rejections of a photo so far; `waiting` drawings are still in work."""

    name: str
    waiting: int = 0
    pairs: dict[str, dict] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)


class _Work:
    """Reads, finds faces and draws, in the order of the photos; collects the outcome of each photo."""

    def __init__(
        self,
        manifest: PairManifest,
        teachers: Sequence[Teacher],
        detector: Detector | None,
        settings: PairMakingSettings,
        max_pixels: int,
    ) -> None:
        self.manifest, self.teachers, self.settings = manifest, teachers, settings
        self.detector = detector if settings.faces else None
        self.max_pixels, self.report = max_pixels, PairsReport()
        self.outcomes: dict[str, _Outcome] = {}  # by the photo's sha256
        self.finished: list[str] = []  # names of photos that are done and not yet reported

    def tasks(self, photos: Sequence[Path]) -> Iterator[_Drawing]:
        """Yields the drawings of all photos that are not done."""
        seen: set[str] = set()
        for batch in in_batches((self._read(path, seen) for path in photos), _BATCH, _BATCH_PIXELS):
            yield from self._draw_all(batch)

    def done(self, task: _Drawing, result: dict | str) -> None:
        """Takes the record of a drawing that was written, or the reason why it was rejected."""
        outcome = self.outcomes[task.sha256]
        if isinstance(result, str):
            outcome.rejected.append(Rejection(task.stem, result))
        else:
            outcome.pairs[task.stem] = result
            self.report.written += 1
        outcome.waiting -= 1
        self._enter_if_done(task.sha256)

    def reported(self) -> list[str]:
        """Returns the names of the photos that were done since the last call."""
        names, self.finished = self.finished, []
        return names

    def _enter_if_done(self, sha256: str) -> None:
        outcome = self.outcomes[sha256]
        if outcome.waiting == 0:
            self.manifest.enter(sha256, outcome.name, outcome.pairs, sorted(outcome.rejected, key=str))
            del self.outcomes[sha256]
            self.finished.append(outcome.name)

    def _read(self, path: Path, seen: set[str]) -> Record | str:
        """Reads a photo, or returns its name where there is nothing to do."""
        name = path.name
        try:
            if path.is_file():  # a named pipe would block
                sha256 = sha256_of(path)
                if sha256 in seen or self.manifest.is_done(sha256):
                    self.report.current += 1
                    return name
                seen.add(sha256)
        except OSError:
            pass  # read_source says what is wrong
        read = read_source(path, name, self.max_pixels)
        if isinstance(read, str):
            self.report.unreadable.append(read)
            self.manifest.enter_unreadable(name, read)
            return name
        return read[1]

    def _draw_all(self, batch: list[Record | str]) -> Iterator[_Drawing]:
        records = [record for record in batch if not isinstance(record, str)]
        self.finished += [name for name in batch if isinstance(name, str)]
        for record, faces in zip(records, self._faces(records)):
            outcome = self.outcomes[record.sha256] = _Outcome(record.name)
            tasks = list(self._squares(record, faces, outcome))
            outcome.waiting = len(tasks)
            if not tasks:
                self._enter_if_done(record.sha256)
            for stem, square, landmarks in tasks:
                try:
                    drawing = square
                    for teacher in self.teachers:
                        drawing = teacher(drawing)
                except UserError as error:
                    outcome.rejected.append(Rejection(stem, f"teacher failed: {one_line(error)}"))
                    outcome.waiting -= 1
                    self._enter_if_done(record.sha256)
                    continue
                yield _Drawing(self.manifest.folder, stem, square, drawing, landmarks, self.settings, record.sha256)

    def _faces(self, records: list[Record]) -> Sequence[list[Face] | None]:
        """Finds the faces of each photo; None for photos that are taken whole."""
        if self.detector is None:
            return [None] * len(records)
        return self.detector([record.rgb for record in records], [record.name for record in records]) if records else []

    def _squares(
        self, record: Record, faces: list[Face] | None, outcome: _Outcome
    ) -> Iterator[tuple[str, np.ndarray, list[list[float]] | None]]:
        """Yields (stem, image for the teacher, landmarks there) of a photo, from left to right."""
        height, width = record.rgb.shape[:2]
        stem = f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', Path(record.name).stem)[:80]}-{record.sha256[:8]}"
        side = self.settings.teacher_size
        if faces is None:
            if min(height, width) < SMALLEST:
                outcome.rejected.append(Rejection(None, f"too small: {width}x{height} pixels, under {SMALLEST}"))
            else:
                yield stem, _fitted(record.rgb, side), None
            return
        sure = sorted((f for f in faces if f.confidence >= _MIN_CONFIDENCE), key=lambda face: face.center)
        if not sure:
            reason = f"no face: none of {self.settings.min_face} pixels or more was found"
            outcome.rejected.append(Rejection(None, reason))
        # framings differ from photo to photo, and are the same each time
        wanted = LEAST_SIDE + (MOST_SIDE - LEAST_SIDE) * int(record.sha256[:4], 16) / 0xFFFF
        for number, face in enumerate(sure, start=1):
            own = stem if len(sure) == 1 else f"{stem}-{number}"
            matrix = face_square(face, (height, width), side, wanted)
            if isinstance(matrix, str):
                outcome.rejected.append(Rejection(own, matrix))
                continue
            landmarks = to_source(inverse(matrix), face.landmarks).round(2).tolist()
            yield own, warp(record.rgb, matrix, (side, side)), landmarks


def _run(work: _Work, photos: Sequence[Path], jobs: int) -> Iterator[str]:
    """Makes the pairs; yields the names of the photos as they are done."""
    for task, result in in_processes(_finish, work.tasks(photos), jobs):
        work.done(task, result)
        yield from work.reported()
    yield from work.reported()


def _fitted(rgb: np.ndarray, side: int) -> np.ndarray:
    """Reduces an image until its longer side is at most `side`, with sides that are multiples of 8."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    rows, columns = (max(8, round(length * scale) // 8 * 8) for length in (height, width))
    return images.resize(rgb, (rows, columns))


def _finish(task: _Drawing) -> dict | str:
    """Checks a drawing, gives it the photo's colours and writes the pair.

    Returns:
        The pair's record, or one line on why there is no pair.
    """
    settings = task.settings
    margin: float | None = None
    if task.landmarks is not None and settings.checks:
        problem, margin = check_drawing(task.drawing, task.landmarks)
        if problem:
            return problem
    keep = color_keeper(settings.keep_colors)
    drawing = keep(task.square, task.drawing, task.landmarks) if keep else task.drawing
    height, width = drawing.shape[:2]
    scale = min(1.0, settings.size / max(height, width))
    size = (settings.size, settings.size) if settings.faces else images.scaled_size((height, width), scale)
    record: dict[str, Any] = {"photo_sha256": task.sha256, "margin": margin, "landmarks": None}
    if task.landmarks is not None:
        ratio = np.array([size[1] / width, size[0] / height])
        record["landmarks"] = (np.array(task.landmarks) * ratio).round(2).tolist()
    for folder, image in ((PHOTO, task.square), (ANIME, drawing)):
        path = task.folder / folder / f"{task.stem}.png"
        images.write_image(path, images.resize(image, size))
        record[f"{folder}_bytes"] = path.stat().st_size
    return record
