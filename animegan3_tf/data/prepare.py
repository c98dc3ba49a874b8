"""Precomputes the training targets of photo and anime folders: superpixels, L0-smoothed photos, edge-smoothed anime.

Targets lie beside their source folder as PNGs of the same relative name. A manifest.json next to them records what each
was made from and how, so that a second run makes only what is missing or out of date, however the first one ended.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from animegan3_tf.data.ledger import Ledger, alone, sha256_of
from animegan3_tf.data.pool import in_processes
from animegan3_tf.data.records import Record, apply_stage, read_source
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.errors import UserError, one_line
from animegan3_tf.files import remove_leftovers
from animegan3_tf.images import DEFAULT_MAX_PIXELS, find_images, quote, write_image


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
    and the rest goes on; a target that cannot be written ends the run with `UserError`, as does another run on the same
    folders. The caller's script needs an `if __name__ == "__main__"` guard when jobs > 1, because workers are spawned.
    """
    if jobs < 1:
        raise UserError(f"jobs is {jobs}; give at least 1")
    # A missing folder is named before anything is made.
    sources = {stage.source: source_pictures(stage) for stage in stages}
    with alone({stage.target.parent for stage in stages}):
        for stage in stages:
            remove_leftovers(stage.target.parent)
            for folder, _, _ in os.walk(stage.target):
                remove_leftovers(folder)
        return _prepare(stages, sources, jobs, on_progress, max_pixels)


def _prepare(stages, sources, jobs, on_progress, max_pixels):
    ledgers = [Ledger(stage, sources[stage.source], target_name) for stage in stages]
    total, done, written, current = sum(len(ledger.pictures) for ledger in ledgers), 0, 0, 0
    rejected = {}

    def advance(name):
        nonlocal done
        done += 1
        if on_progress:
            on_progress(done, total, name)

    def tasks():
        """Picture by picture, so that each is read once for all its targets and the rate is even."""
        nonlocal current
        for folder, pictures in sources.items():
            own = [(number, ledger) for number, ledger in enumerate(ledgers) if ledger.stage.source == folder]
            for name, source in pictures.items():
                wanted = []
                for number, ledger in own:
                    if name in ledger.clashes:
                        ledger.reject(name, ledger.clashes[name])
                        rejected[source] = ledger.clashes[name]
                        advance(name)
                    elif ledger.is_current(name):
                        current += 1
                        advance(name)
                    else:
                        wanted.append((number, _Task(ledger.stage, name, source, max_pixels)))
                if wanted:
                    yield wanted

    try:
        with contextlib.closing(in_processes(_make_all, tasks(), jobs)) as outcomes:
            for wanted, results in outcomes:
                for (number, task), result in zip(wanted, results):
                    if isinstance(result, str):
                        ledgers[number].reject(task.name, result)
                        rejected[task.source] = result
                    else:
                        ledgers[number].accept(task.name, result)
                        written += 1
                    advance(task.name)
    except BaseException:  # Ctrl-C too
        with contextlib.suppress(UserError):  # the journals hold it anyway, and the first error tells more
            _save(ledgers)
        raise
    _save(ledgers)
    return PrepareReport(written, current, rejected)


def _save(ledgers):
    for ledger in ledgers:
        ledger.save()


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


def _make_all(wanted: list[tuple[int, _Task]]) -> list[dict | str]:
    """What `_make` returns, for tasks of one source, which is read once."""
    read = _read(wanted[0][1])
    return [_make(task, read) for _, task in wanted]


def _make(task: _Task, read: tuple[os.stat_result, Record] | str | None = None) -> dict | str:
    """Makes one target; returns the manifest's record of it, or the one-line reason why the source is rejected.

    read: what `read_source` returned for its source, if that was called.
    """
    stage, read = task.stage, read or _read(task)
    if isinstance(read, str):
        return read
    state, source = read
    try:
        record = apply_stage(source, stage)
    except UserError as error:
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


def _read(task: _Task) -> tuple[os.stat_result, Record] | str:
    return read_source(task.source, task.name, task.max_pixels)
