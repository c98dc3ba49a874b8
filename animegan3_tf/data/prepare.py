"""Precomputes the training targets of photo and anime folders: superpixels, L0-smoothed photos, edge-smoothed anime.

Targets lie beside their source folder as PNGs of the same relative name. A manifest.json next to them records what each
was made from and how, so that a second run makes only what is missing or out of date, however the first one ended.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from animegan3_tf.data.ledger import Ledger, sha256_of
from animegan3_tf.errors import UserError
from animegan3_tf.filters import add_salt, l0_smooth_offline, smooth_edges, superpixels
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, quote, read_image, resize, write_image
from animegan3_tf.styles import Style
from animegan3_tf.workers import start_worker

KINDS = ("superpixel", "l0", "smooth")

_SAVE_SECONDS = 5.0  # at most this much work is done again after a kill
_QUEUED_PER_JOB = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Stage:
    """One kind of target for one source folder.

    function: module-level, (rgb uint8 [H, W, 3], relative name, **parameters) -> rgb uint8 [H, W, 3]; the same
    arguments must always give the same picture. parameters: plain values that JSON can hold.
    """

    name: str
    source: Path
    target: Path
    function: Callable[..., np.ndarray]
    parameters: dict = field(default_factory=dict)


@dataclass(frozen=True)
class PrepareReport:
    """How a run ended: targets written, targets that were current already, and the sources rejected with the reason."""

    written: int
    current: int
    rejected: dict[Path, str]


def target_folder(source: str | os.PathLike, kind: str) -> Path:
    """Where the targets of `source` lie: `photo` -> `photo_superpixel`, `photo_l0`; `style` -> `smooth`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    source = Path(source)
    if source.name in ("", ".."):  # "." has no name to build on
        source = source.resolve()
    return source.with_name("smooth" if kind == "smooth" and source.name == "style" else f"{source.name}_{kind}")


def target_name(name: str) -> str:
    """The target's relative name for a source's, both with forward slashes: `a/b.jpg` -> `a/b.png`."""
    return PurePosixPath(name).with_suffix(".png").as_posix()


def photo_targets(
    photos: str | os.PathLike,
    lam: float = 0.02,
    scale: float = 5.0,
    sigma: float = 0.8,
    min_size: int = 50,
    sides: Sequence[int] | None = None,
) -> list[Stage]:
    """The stages for a folder of photos: L0 smoothing with `lam`, Felzenszwalb superpixels with the next three.

    sides: see `to_working_size`.
    """
    if not lam > 0:
        raise UserError(f"the L0 weight lambda is {lam}; give one above 0 (0.005 is light, 0.02 strong)")
    photos = Path(photos)
    sides = list(sides) if sides else None
    segments = {"scale": scale, "sigma": sigma, "min_size": min_size, "sides": sides}
    return [
        Stage("superpixel", photos, target_folder(photos, "superpixel"), superpixel_target, segments),
        Stage("l0", photos, target_folder(photos, "l0"), l0_target, {"lam": lam, "sides": sides}),
    ]


def anime_targets(anime: str | os.PathLike, salt: float = 0.0, sides: Sequence[int] | None = None) -> list[Stage]:
    """The stage for a folder of anime pictures: edges smoothed, then the fraction `salt` of pixels made white.

    sides: see `to_working_size`.
    """
    if not 0 <= salt <= 1:
        raise UserError(f"salt is {salt}; give a fraction of the pixels between 0 and 1")
    anime = Path(anime)
    parameters = {"salt": salt, "sides": list(sides) if sides else None}
    return [Stage("smooth", anime, target_folder(anime, "smooth"), smooth_target, parameters)]


def style_targets(style: Style, photos: str | os.PathLike, anime: str | os.PathLike) -> list[Stage]:
    """Every stage for training a style: superpixels and L0 of the photos, smoothed anime."""
    sides = style.data.sides
    return [
        *photo_targets(photos, style.target.region_l0_lambda, sides=sides),
        *anime_targets(anime, style.data.salt, sides),
    ]


def to_working_size(rgb: np.ndarray, sides: Sequence[int] | None) -> np.ndarray:
    """The picture with its short side brought into `sides`, (least, most) pixels; None leaves it as it is.

    Crops for training are cut from this size, and targets are made at it: made larger and reduced afterwards, smoothed
    edges would be sharp again, salt grey and superpixels too many.
    """
    if sides is None:
        return rgb
    short = min(rgb.shape[:2])
    scale = min(max(short, sides[0]), sides[1]) / short
    return resize(rgb, tuple(round(side * scale) for side in rgb.shape[:2]))


def superpixel_target(
    rgb: np.ndarray, name: str, scale: float, sigma: float, min_size: int, sides: Sequence[int] | None = None
) -> np.ndarray:
    """Every superpixel in its mean colour."""
    return superpixels(to_working_size(rgb, sides), scale=scale, sigma=sigma, min_size=min_size)


def l0_target(rgb: np.ndarray, name: str, lam: float, sides: Sequence[int] | None = None) -> np.ndarray:
    """Flat areas and sharp steps, by L0 gradient minimisation."""
    smoothed = l0_smooth_offline(to_working_size(rgb, sides).astype(np.float32) / 255, lam)
    return np.round(np.clip(smoothed, 0, 1) * 255).astype(np.uint8)


def smooth_target(rgb: np.ndarray, name: str, salt: float, sides: Sequence[int] | None = None) -> np.ndarray:
    """Anime without its crisp ink: what the discriminator must learn to refuse."""
    smoothed = smooth_edges(to_working_size(rgb, sides))
    if not salt:
        return smoothed
    # Seeded by the name: each picture has its own salt, and a rebuild has the same.
    seed = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big")
    return add_salt(smoothed, salt, np.random.default_rng(seed))


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
