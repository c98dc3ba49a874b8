"""Precomputes the training targets of photo and anime folders: superpixels, L0-smoothed photos, edge-smoothed anime.

Targets lie beside their source folder as PNGs of the same relative name. A manifest.json next to them records what each
was made from and how, so that a second run makes only what is missing or out of date, however the first one ended.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from animegan3_tf.data.ledger import Ledger, sha256_of
from animegan3_tf.data.pool import in_processes
from animegan3_tf.data.records import apply_stage, one_line, open_record
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.errors import UserError
from animegan3_tf.images import DEFAULT_MAX_PIXELS, find_images, quote, write_image

_SAVE_SECONDS = 5.0  # at most this much work is done again after a kill


@dataclass(frozen=True)
class PrepareReport:
    """How a run ended: targets written, targets that were current already, and the sources rejected with the reason."""

    written: int
    current: int
    rejected: dict[Path, str]


def prepare(
    stages: Sequence[Stage],
    jobs: int = 1,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> PrepareReport:
    """Makes every target that is missing or out of date, with `jobs` processes; current ones cost no decoding.

    on_progress(done, total, name) follows every picture of every stage. Sources that cannot be used go to rejected.json
    and the rest goes on; a target that cannot be written ends the run with `UserError`. The caller's script needs an
    `if __name__ == "__main__"` guard when jobs > 1, because workers are spawned.
    """
    if jobs < 1:
        raise UserError(f"jobs is {jobs}; give at least 1")
    sources = [source_pictures(stage) for stage in stages]  # a missing folder is named before anything is made
    ledgers = [Ledger(stage, pictures, target_name) for stage, pictures in zip(stages, sources)]
    by_target = {ledger.stage.target: ledger for ledger in ledgers}
    total, done, written, current = sum(len(ledger.pictures) for ledger in ledgers), 0, 0, 0
    rejected = {}

    def advance(name):
        nonlocal done
        done += 1
        if on_progress:
            on_progress(done, total, name)

    def tasks():
        nonlocal current
        for ledger in ledgers:
            for name, source in ledger.pictures.items():
                if name in ledger.clashes:
                    ledger.reject(name, ledger.clashes[name])
                    rejected[source] = ledger.clashes[name]
                    advance(name)
                elif ledger.is_current(name):
                    current += 1
                    advance(name)
                else:
                    yield _Task(ledger.stage, name, source, max_pixels)

    try:
        saved = time.monotonic()
        with contextlib.closing(in_processes(_make, tasks(), jobs)) as outcomes:
            for task, outcome in outcomes:
                ledger = by_target[task.stage.target]
                if isinstance(outcome, str):
                    ledger.reject(task.name, outcome)
                    rejected[task.source] = outcome
                else:
                    ledger.accept(task.name, outcome)
                    written += 1
                advance(task.name)
                if time.monotonic() - saved > _SAVE_SECONDS:
                    for each in ledgers:
                        each.save()
                    saved = time.monotonic()
    finally:  # on Ctrl-C too
        for ledger in ledgers:
            ledger.save()
    return PrepareReport(written, current, rejected)


class _Task(NamedTuple):
    stage: Stage
    name: str
    source: Path
    max_pixels: int


def source_pictures(stage: Stage) -> dict[str, Path]:
    """The source pictures by relative name, in the order of `find_images`."""
    if not stage.source.is_dir():
        raise UserError(f"source folder {quote(stage.source)} does not exist; check the path or fetch the data first")
    found = find_images(stage.source)
    if not found:
        raise UserError(f"source folder {quote(stage.source)} holds no pictures; put JPEG or PNG files into it")
    return {path.relative_to(stage.source).as_posix(): path for path in found}


def _make(task: _Task) -> dict | str:
    """Makes one target; returns the manifest's record of it, or the one-line reason why the source is rejected."""
    stage = task.stage
    try:
        state = task.source.stat()  # before reading: a source that changes meanwhile is then seen as changed next time
        record = apply_stage(open_record(task.source, task.name, task.max_pixels), stage)
    except (UserError, OSError) as error:
        return one_line(error)
    target = stage.target / target_name(task.name)
    write_image(target, record.made[stage.name])
    return {
        "source_bytes": state.st_size,
        "source_mtime_ns": state.st_mtime_ns,
        "source_sha256": record.sha256,
        "target_bytes": target.stat().st_size,
        "target_sha256": sha256_of(target),
    }
