"""Makes the targets of training images, ahead of training."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, find_images, read_image, write_image
from animegan3_tf.common.workers import in_processes
from animegan3_tf.data.manifest import TARGETS, Manifest, TargetManifest
from animegan3_tf.data.targets import Stage, target_name

_NOTHING = np.empty((0, 0, 3), np.uint8)
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Record:
    """An image on its way through the stages.

    Attributes:
        path: Its file, for messages.
        name: Its path relative to its folder, with forward slashes.
        sha256: SHA-256 of the file.
        rgb: The whole image on white, uint8 [H, W, 3], read-only.
        made: The targets made so far, uint8 [h, w, 3], by the name of their stage.
    """

    path: Path
    name: str
    sha256: str
    rgb: np.ndarray
    made: dict[str, np.ndarray] = field(default_factory=dict)


def open_record(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Record:
    """Reads a source file.

    Args:
        path: The file.
        name: Its path relative to its folder.
        max_pixels: Images with more are refused.

    Returns:
        Its record, without targets.

    Raises:
        ImageError: It is not a whole image, or too large.
        OSError: It cannot be read.
    """
    rgb = read_image(path, max_pixels).on_white()
    rgb.flags.writeable = False  # all targets are made from the same array
    return Record(path, name, sha256_of(path), rgb)  # read first: that refuses a named pipe, which would block here


def apply_stage(record: Record, stage: Stage) -> Record:
    """Makes the stage's target of a record; the same record and stage give the same target.

    Args:
        record: The record.
        stage: The kind of target.

    Returns:
        A copy of the record that holds the target too.

    Raises:
        UserError: The stage's function failed.
    """
    try:
        made = stage.function(record.rgb, record.name, **stage.parameters)
    except Exception as error:  # one odd image must not end a night's run: it is rejected by name instead
        reason = f"{stage.name} failed, {type(error).__name__}: {one_line(error)}"
        raise UserError(f"{quote(record.path)}: {reason}") from error
    return dataclasses.replace(record, made={**record.made, stage.name: made})


def read_source(path: Path, name: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[os.stat_result, Record] | str:
    """Reads a source file and its state.

    Args:
        path: The file.
        name: Its path relative to its folder.
        max_pixels: Images with more are rejected.

    Returns:
        The state of the file, for the manifest, and its record; or the one-line reason why it cannot be used.
    """
    try:
        state = path.stat()  # before reading: a source that changes meanwhile is then seen as changed next time
        return state, open_record(path, name, max_pixels)
    except ImageError as error:
        return one_line(error)
    except OSError as error:
        return f"{quote(path)} cannot be read ({error.strerror}); check the path"


def in_batches(found: Iterable[_Read], most: int, most_pixels: int) -> Iterator[list[_Read]]:
    """Yields what was read in lists; a thread reads the next one meanwhile.

    Args:
        found: Records or others with an image `rgb`, and values that have none.
        most: The length of a list.
        most_pixels: A list ends early when its images have more pixels.
    """

    def batches() -> Iterator[list[_Read]]:
        batch: list[_Read] = []
        pixels = 0
        for one in found:
            batch.append(one)
            pixels += math.prod(getattr(one, "rgb", _NOTHING).shape[:2])
            if len(batch) == most or pixels > most_pixels:
                yield batch
                batch, pixels = [], 0
        if batch:
            yield batch

    with ThreadPoolExecutor(1, thread_name_prefix="reader") as reader:
        read = batches()
        ahead = reader.submit(next, read, None)
        while (batch := ahead.result()) is not None:
            ahead = reader.submit(next, read, None)
            yield batch


@dataclass(frozen=True)
class PrepareReport:
    """How a run ended.

    Attributes:
        written: How many targets were written.
        current: How many targets were up to date already.
        rejected: {source: reason} of the images that have no target.
    """

    written: int
    current: int
    rejected: dict[Path, str]


def prepare(
    stages: Sequence[Stage], jobs: int = 1, on_progress: Advance | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> PrepareReport:
    """Makes every target that is missing or out of date; current ones cost no decoding.

    Sources that cannot be used go to rejected.json, and the run goes on.

    Args:
        stages: The kinds of targets to make.
        jobs: Number of processes. With more than 1 the caller's script needs an `if __name__ == "__main__"` guard,
            because workers are spawned.
        on_progress: Called as (done, total, name) after every image of every stage.
        max_pixels: Images with more are rejected.

    Returns:
        How many targets were made, and the rejected sources.

    Raises:
        UserError: A source folder is missing or empty, a target cannot be written, or another run is preparing targets
            in the same folder.
    """
    if jobs < 1:
        raise UserError(f"jobs is {jobs}; give at least 1")
    # A missing folder is named before anything is made.
    sources = {stage.source: source_images(stage) for stage in stages}
    with contextlib.ExitStack() as held:
        folders = {stage.target.parent.resolve(): stage.target.parent for stage in stages}
        records = {real: held.enter_context(Manifest(folder, TARGETS)) for real, folder in folders.items()}
        manifests = [
            TargetManifest(records[stage.target.parent.resolve()], stage, sources[stage.source], target_name)
            for stage in stages
        ]
        return _prepare(manifests, jobs, on_progress, max_pixels)


def _prepare(
    manifests: Sequence[TargetManifest], jobs: int, on_progress: Advance | None, max_pixels: int
) -> PrepareReport:
    total, done, written, current = sum(len(manifest.sources) for manifest in manifests), 0, 0, 0
    rejected: dict[Path, str] = {}

    def advance(name: str) -> None:
        nonlocal done
        done += 1
        if on_progress:
            on_progress(done, total, name)

    def tasks() -> Iterator[_Task]:
        """Yields the work on one image at a time: each is read once for all its targets, and the rate is even."""
        nonlocal current
        for folder in dict.fromkeys(manifest.stage.source for manifest in manifests):
            own = [manifest for manifest in manifests if manifest.stage.source == folder]
            for name, source in own[0].sources.items():
                wanted = []
                for manifest in own:
                    if name in manifest.clashes:
                        manifest.reject(name, manifest.clashes[name])
                        rejected[source] = manifest.clashes[name]
                        advance(name)
                    elif manifest.is_current(name):
                        current += 1
                        advance(name)
                    else:
                        wanted.append(manifest.stage)
                if wanted:
                    yield _Task(source, name, tuple(wanted), max_pixels)

    by_target = {manifest.stage.target: manifest for manifest in manifests}
    with contextlib.closing(in_processes(_make_targets, tasks(), jobs)) as outcomes:
        for task, results in outcomes:
            for stage, result in zip(task.stages, results):
                if isinstance(result, str):
                    by_target[stage.target].reject(task.name, result)
                    rejected[task.source] = result
                else:
                    by_target[stage.target].accept(task.name, result)
                    written += 1
                advance(task.name)
    return PrepareReport(written, current, rejected)


class _Task(NamedTuple):
    """The targets to make of one source."""

    source: Path
    name: str
    stages: tuple[Stage, ...]
    max_pixels: int


def source_images(stage: Stage) -> dict[str, Path]:
    """Finds the source images of a stage.

    Args:
        stage: The stage.

    Returns:
        {relative name with forward slashes: path}, in the order of `find_images`.

    Raises:
        UserError: The folder does not exist or holds no images.
    """
    if not stage.source.is_dir():
        raise UserError(f"source folder {quote(stage.source)} does not exist; check the path or fetch the data first")
    found = find_images(stage.source)
    if not found:
        raise UserError(f"source folder {quote(stage.source)} holds no pictures; put JPEG or PNG files into it")
    return {path.relative_to(stage.source).as_posix(): path for path in found}


def _make_targets(task: _Task) -> list[dict | str]:
    """Makes the targets of one source, which is read once.

    Returns:
        The manifest's record of each target, or the one-line reason why there is none.
    """
    read = read_source(task.source, task.name, task.max_pixels)
    if isinstance(read, str):
        return [read] * len(task.stages)
    return [_make(*read, stage) for stage in task.stages]


def _make(state: os.stat_result, source: Record, stage: Stage) -> dict | str:
    try:
        made = apply_stage(source, stage).made[stage.name]
    except UserError as error:
        return one_line(error)
    target = stage.target / target_name(source.name)
    write_image(target, made)
    return {
        "source_bytes": state.st_size,
        "source_mtime_ns": state.st_mtime_ns,
        "source_sha256": source.sha256,
        "target_bytes": target.stat().st_size,
        "target_sha256": sha256_of(target),
    }
