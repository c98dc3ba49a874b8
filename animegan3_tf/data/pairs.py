"""Pairs of photo and drawing: faces are cut out, a teacher draws them, and the photo's colours come back."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from animegan3_tf import images
from animegan3_tf.data.drawing_checks import check_drawing
from animegan3_tf.data.face import Detector
from animegan3_tf.data.face_align import inverse, to_source, warp
from animegan3_tf.data.face_square import LEAST_SIDE, MOST_SIDE, face_square
from animegan3_tf.data.ledger import alone, sha256_of
from animegan3_tf.data.pair_book import ANIME, PHOTO, PairBook, Rejection
from animegan3_tf.data.pair_page import read_review, write_pair_page
from animegan3_tf.data.pool import in_processes
from animegan3_tf.data.records import Record, read_source
from animegan3_tf.data.region_colors import color_keeper
from animegan3_tf.errors import UserError, one_line
from animegan3_tf.images import DEFAULT_MAX_PIXELS

SMALLEST = 64  # side of a pair in pixels
_MIN_CONFIDENCE = 0.9
_BATCH, _BATCH_PIXELS = 8, 24_000_000  # photos that are read and searched together
_SAVE_SECONDS = 60.0


class Teacher(Protocol):
    """A generator that draws: uint8 [H, W, 3] to the same size."""

    name: str
    sha256: str
    fixed_size: tuple[int, int] | None

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Draws one image."""


@dataclass(frozen=True)
class PairSettings:
    """How pairs are made.

    size: side of a pair in pixels; of whole images the longer one. teacher_size: side at which the teacher draws.
    keep_colors: "region" gives the drawing the photo's colours (`keep_region_colors`), "none" leaves the teacher's.
    faces: cut faces out; otherwise whole images are taken. checks: leave out drawings of faces that fail
    `check_drawing`. min_face: side in pixels of the smallest face that is looked for.
    """

    size: int = 384
    teacher_size: int = 512
    keep_colors: str = "region"
    faces: bool = True
    checks: bool = True
    min_face: int = 64

    def __post_init__(self):
        for name, least in (("size", SMALLEST), ("teacher_size", SMALLEST), ("min_face", 20)):
            if not least <= getattr(self, name) <= 4096:
                raise UserError(f"{name} is {getattr(self, name)}; give from {least} to 4,096 pixels")
        color_keeper(self.keep_colors)  # refuses what it does not know


@dataclass
class PairsReport:
    """How a run ended.

    written: pairs written now. pairs: pairs in the folder. current: photos that were done before. rejected: how often
    each kind of reason stands in rejected.json. unreadable: one line for each photo that could not be read.
    """

    written: int = 0
    pairs: int = 0
    current: int = 0
    rejected: Counter = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)


def make_pairs(
    photos: Sequence[Path],
    out: Path,
    teachers: Sequence[Teacher],
    detector: Detector | None,
    settings: PairSettings = PairSettings(),
    jobs: int = 1,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> PairsReport:
    """Makes pairs for training from photos and a teacher (DESIGN: pairs and distillation).

    Photos that were done before, told by their content, cost no drawing. A run that is killed loses at most what was
    being drawn; run again, it ends with the same files.

    Args:
        photos: Image files.
        out: Folder for `photo/`, `anime/`, manifest.json and rejected.json.
        teachers: Draw one after the other: each draws what the one before it drew.
        detector: Finds the faces; None where `settings.faces` is off.
        settings: Sizes, colours, checks.
        jobs: Processes that colour, check and write; the teachers draw in this one.
        max_pixels: Photos with more pixels are left out.
        on_progress: Called as (done, total, name) after each photo.

    Returns:
        What was written, what was there, what was rejected and why.

    Raises:
        UserError: The folder holds pairs made otherwise or cannot be written; a teacher takes another size only.
    """
    for teacher in teachers:
        side = settings.teacher_size
        if teacher.fixed_size not in (None, (side, side)):
            height, width = teacher.fixed_size
            raise UserError(f"teacher {teacher.name!r} draws {width}x{height} only; give --teacher-size {width}")
    made_by = [{"name": teacher.name, "sha256": teacher.sha256} for teacher in teachers]
    detected_by = detector.settings if detector else None
    work = _Work(Path(out), teachers, detector, settings, max_pixels)
    with alone([work.out]):
        work.book = PairBook(work.out, {**asdict(settings), "teachers": made_by, "detector": detected_by})
        try:
            _run(work, photos, jobs, on_progress)
        finally:  # on Ctrl-C too
            work.book.save()
        write_pair_page(work.book)
    report = work.report
    report.pairs = len(work.book.pairs)
    report.rejected = Counter(rejection.reason.partition(":")[0] for _, rejection in work.book.rejections())
    return report


def cross_off(out: Path, review: Path) -> int:
    """Leaves out the pairs that a person crossed off on the page.

    Args:
        out: Folder of the pairs.
        review: The file that the page saved.

    Returns:
        How many pairs were removed now.

    Raises:
        UserError: The review cannot be read, or names what is no pair of the folder.
    """
    stems = read_review(review)
    with alone([out]):
        book = PairBook(out)
        removed = book.cross_off(stems)
        write_pair_page(book)
    return removed


class _Task(NamedTuple):
    """A drawing on its way to the folder: what a worker process gets."""

    folder: Path
    stem: str
    square: np.ndarray
    drawing: np.ndarray
    landmarks: list[list[float]] | None
    settings: PairSettings
    sha256: str


@dataclass
class _Outcome:
    """What a photo gave so far; `waiting` drawings are still in work."""

    name: str
    waiting: int = 0
    pairs: dict[str, dict] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)


class _Work:
    """Reads, finds faces and draws, in the order of the photos; keeps count of what each photo gave."""

    def __init__(self, out, teachers, detector, settings, max_pixels):
        self.out, self.teachers, self.detector, self.settings = out, teachers, detector, settings
        self.max_pixels = max_pixels
        self.report, self.outcomes = PairsReport(), {}
        self.book: PairBook | None = None
        self.finished: list[str] = []  # names of photos that are done and not yet reported

    def tasks(self, photos: Sequence[Path]) -> Iterator[_Task]:
        """Yields the drawings of all photos that are not done."""
        with ThreadPoolExecutor(1, thread_name_prefix="pairs") as reader:
            batches = self._batches(photos)
            ahead = reader.submit(next, batches, None)
            while (batch := ahead.result()) is not None:
                ahead = reader.submit(next, batches, None)
                yield from self._draw_all(batch)

    def done(self, task: _Task, result: dict | str) -> None:
        """Takes what became of a drawing."""
        outcome = self.outcomes[task.sha256]
        if isinstance(result, str):
            outcome.rejected.append(Rejection(task.stem, result))
        else:
            outcome.pairs[task.stem] = result
            self.report.written += 1
        outcome.waiting -= 1
        self._enter_if_done(task.sha256)

    def _enter_if_done(self, sha256):
        outcome = self.outcomes[sha256]
        if outcome.waiting == 0:
            self.book.enter(sha256, outcome.name, outcome.pairs, sorted(outcome.rejected, key=str))
            del self.outcomes[sha256]
            self.finished.append(outcome.name)

    def _batches(self, photos: Sequence[Path]) -> Iterator[list[Record | str]]:
        batch, pixels, seen = [], 0, set()
        for path in photos:
            record = self._read(path, seen)
            batch.append(record)
            pixels += 0 if isinstance(record, str) else record.rgb.shape[0] * record.rgb.shape[1]
            if len(batch) == _BATCH or pixels > _BATCH_PIXELS:
                yield batch
                batch, pixels = [], 0
        if batch:
            yield batch

    def _read(self, path: Path, seen: set[str]) -> Record | str:
        """The photo, or its name where there is nothing to do."""
        name = path.name
        try:
            if path.is_file():  # a named pipe would block
                sha256 = sha256_of(path)
                if sha256 in seen or self.book.is_done(sha256):
                    self.report.current += 1
                    return name
                seen.add(sha256)
        except OSError:
            pass  # read_source says what is wrong
        read = read_source(path, name, self.max_pixels)
        if isinstance(read, str):
            self.report.unreadable.append(read)
            self.book.enter_unreadable(name, read)
            return name
        return read[1]

    def _draw_all(self, batch: list[Record | str]) -> Iterator[_Task]:
        records = [record for record in batch if not isinstance(record, str)]
        self.finished += [name for name in batch if isinstance(name, str)]
        found = self._faces(records)
        for record, faces in zip(records, found):
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
                yield _Task(self.out, stem, square, drawing, landmarks, self.settings, record.sha256)

    def _faces(self, records):
        if not self.settings.faces:
            return [None] * len(records)
        return self.detector([record.rgb for record in records], [record.name for record in records]) if records else []

    def _squares(self, record, faces, outcome) -> Iterator[tuple[str, np.ndarray, list | None]]:
        """Yields (stem, image for the teacher, landmarks there) of a photo, from left to right."""
        stem = f"{re.sub(r'[^A-Za-z0-9_.-]+', '_', Path(record.name).stem)[:80]}-{record.sha256[:8]}"
        side = self.settings.teacher_size
        if faces is None:
            if min(record.rgb.shape[:2]) < SMALLEST:
                height, width = record.rgb.shape[:2]
                reason = f"too small: {width}x{height} pixels, under {SMALLEST}"
                outcome.rejected.append(Rejection(None, reason))
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
            matrix = face_square(face, record.rgb.shape[:2], side, wanted)
            if isinstance(matrix, str):
                outcome.rejected.append(Rejection(own, matrix))
                continue
            landmarks = to_source(inverse(matrix), face.landmarks).round(2).tolist()
            yield own, warp(record.rgb, matrix, (side, side)), landmarks


def _run(work: _Work, photos, jobs, on_progress) -> None:
    done, saved = 0, time.monotonic()

    def report():
        nonlocal done
        for name in work.finished:
            done += 1
            if on_progress:
                on_progress(done, len(photos), name)
        work.finished.clear()

    for task, result in in_processes(_finish, work.tasks(photos), jobs):
        work.done(task, result)
        report()
        if time.monotonic() - saved > _SAVE_SECONDS:
            work.book.save()
            saved = time.monotonic()
    report()


def _fitted(rgb: np.ndarray, side: int) -> np.ndarray:
    """An image reduced so that its longer side is at most `side`, cut to multiples of 8."""
    height, width = rgb.shape[:2]
    scale = min(1.0, side / max(height, width))
    rows, columns = (max(8, round(length * scale) // 8 * 8) for length in (height, width))
    return images.resize(rgb, (rows, columns))


def _finish(task: _Task) -> dict | str:
    """Checks a drawing, gives it the photo's colours and writes the pair; or one line on why there is none."""
    settings, margin = task.settings, None
    if task.landmarks is not None and settings.checks:
        problem, margin = check_drawing(task.drawing, task.landmarks)
        if problem:
            return problem
    keep = color_keeper(settings.keep_colors)
    drawing = keep(task.square, task.drawing, task.landmarks) if keep else task.drawing
    height, width = drawing.shape[:2]
    if settings.faces:
        size = (settings.size, settings.size)
    else:
        scale = min(1.0, settings.size / max(height, width))
        size = (round(height * scale), round(width * scale))
    record = {"photo_sha256": task.sha256, "margin": margin, "landmarks": None}
    if task.landmarks is not None:
        ratio = np.array([size[1] / width, size[0] / height])
        record["landmarks"] = (np.array(task.landmarks) * ratio).round(2).tolist()
    for folder, image in ((PHOTO, task.square), (ANIME, drawing)):
        path = task.folder / folder / f"{task.stem}.png"
        images.write_image(path, images.resize(image, size))
        record[f"{folder}_bytes"] = path.stat().st_size
    return record
