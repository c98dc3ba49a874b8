"""Precomputes the training targets of photo and anime folders: superpixels, L0-smoothed photos, edge-smoothed anime.

Targets lie beside their source folder as PNGs of the same relative name. A manifest.json next to them records what each
was made from and how, so that a second run makes only what is missing or out of date, however the first one ended.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from animegan3_tf.data.ledger import Ledger, sha256_of
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.errors import UserError
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, quote, read_image, write_image
from animegan3_tf.workers import start_worker

_SAVE_SECONDS = 5.0  # at most this much work is done again after a kill
_QUEUED_PER_JOB = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


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
    sources = [_pictures(stage) for stage in stages]  # a missing folder is named before anything is made
    ledgers = [Ledger(stage, pictures, target_name) for stage, pictures in zip(stages, sources)]
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
                    yield ledger, _Task(ledger.stage, name, source, max_pixels)

    try:
        saved = time.monotonic()
        with contextlib.closing(_run(tasks(), jobs)) as outcomes:
            for ledger, task, outcome in outcomes:
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


def _pictures(stage: Stage) -> dict[str, Path]:
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
        digest = sha256_of(task.source)
        rgb = read_image(task.source, task.max_pixels).on_white()
    except (ImageError, OSError) as error:
        return _one_line(error)
    try:
        made = stage.function(rgb, task.name, **stage.parameters)
    except Exception as error:  # one odd picture shall not end a night's run: it is rejected by name instead
        return f"{quote(task.source)}: {stage.name} failed, {type(error).__name__}: {_one_line(error)}"
    target = stage.target / target_name(task.name)
    write_image(target, made)
    return {
        "source_bytes": state.st_size,
        "source_mtime_ns": state.st_mtime_ns,
        "source_sha256": digest,
        "target_bytes": target.stat().st_size,
        "target_sha256": sha256_of(target),
    }


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _run(tasks: Iterator, jobs: int) -> Iterator:
    """Yields (ledger, task, outcome) as they finish; takes only a few tasks ahead, so memory stays bounded."""
    if jobs == 1:
        for ledger, task in tasks:
            yield ledger, task, _make(task)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of TensorFlow's and OpenCV's threads
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=start_worker)
    waiting = {}

    def collect():
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield (*waiting.pop(future), future.result())

    with _one_thread_each():
        try:
            for ledger, task in tasks:
                waiting[pool.submit(_make, task)] = (ledger, task)
                if len(waiting) >= jobs * _QUEUED_PER_JOB:
                    yield from collect()
            while waiting:
                yield from collect()
        except BrokenProcessPool:
            raise UserError(f"a worker process died (out of memory?); use fewer than {jobs} jobs") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers inherit these variables when NumPy loads in them; threads within processes would only contend."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
