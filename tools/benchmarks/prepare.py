"""Times the preparation of photo targets: with one job, with several, and upstream's way image by image."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, read_image, write_image
from animegan3_tf.data.demo import demo_photos
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import photo_targets
from benchmarks.upstream_host import l0_smooth_double, superpixel_target

_LAMBDA, _MIN_SIZE = 0.02, 50
_WARM_UP = 2  # images of a worker before its rate counts: it imports modules and plans its transforms first


@dataclass(frozen=True)
class PrepareSettings:
    """The options of `benchmark.py prepare`; kept in its JSON.

    Attributes:
        count: Number of photos in a run.
        size: Side of the bundled photos in pixels.
        jobs: Processes of the pool.
        rounds: Number of runs of each way.
        photos: Folder of photos; None for bundled photos, repeated.
    """

    count: int = 40
    size: int = 256
    jobs: int = 2
    rounds: int = 3
    photos: str | None = None


def benchmark_prepare(settings: PrepareSettings, show: Callable[[str], None] = print) -> dict:
    """Times the ways in turns.

    Args:
        settings: The options.
        show: Called with a line for each run.

    Returns:
        Plain values, for JSON. A rate is in images a second, each with superpixels and L0 made, written and recorded. A
        pool's rate leaves out its first few images, since its start matters for tens of images but not for thousands;
        "whole" includes the start.

    Raises:
        UserError: The folder of photos holds none.
    """
    ways = {
        "one job": lambda folder: _ours(folder, 1),
        f"{settings.jobs} jobs": lambda folder: _ours(folder, settings.jobs),
        "upstream's way": _upstream,
    }
    measured = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as temporary:
        photos = _photos(settings, Path(temporary) / "photos")
        for number in range(settings.rounds):
            for name in list(ways)[:: 1 if number % 2 == 0 else -1]:  # changing order, so that none gains
                show(f"round {number + 1} of {settings.rounds}: {name}")
                folder = Path(temporary) / "run"
                folder.mkdir()
                (folder / "photo").symlink_to(photos, target_is_directory=True)
                measured[name].append(ways[name](folder / "photo"))
                shutil.rmtree(folder)
    one, several, upstream = (measured[name] for name in ways)
    return {
        "settings": asdict(settings),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "ways": {
            name: {key: _spread([run[key] for run in runs]) for key in runs[0]} for name, runs in measured.items()
        },
        "scaling": _spread([b["rate"] / a["rate"] for a, b in zip(one, several)]),
        "over_upstream": _spread([b["rate"] / a["rate"] for a, b in zip(upstream, several)]),
        "one_job_over_upstream": _spread([b["rate"] / a["rate"] for a, b in zip(upstream, one)]),
    }


def _photos(settings, folder):
    """Makes a folder of links to `count` photos."""
    if settings.photos is None:
        found = demo_photos(folder.with_name("bundled"), size=settings.size).training
    else:
        found = find_images(settings.photos)
    if not found:
        raise UserError(f"{settings.photos!r} holds no images; name another with --photos")
    folder.mkdir()
    for number in range(settings.count):
        path = found[number % len(found)].resolve()
        (folder / f"{number:05d}{path.suffix}").symlink_to(path)
    return folder


def _ours(photos, jobs):
    times = []
    stages = photo_targets(photos, _LAMBDA, min_size=_MIN_SIZE)
    started, cpu, own = time.perf_counter(), _cpu_seconds(), time.process_time()
    prepare(stages, jobs, on_progress=lambda *_: times.append(time.perf_counter()))
    whole, cpu, own = time.perf_counter() - started, _cpu_seconds() - cpu, time.process_time() - own
    made = times[len(stages) - 1 :: len(stages)]  # when each image's last target was ready
    first = min(jobs * _WARM_UP, len(made) // 2)
    rate = (len(made) - first) / (made[-1] - made[first - 1])
    per_image = {"cpu_ms": 1e3 * cpu / len(made), "parent_cpu_ms": 1e3 * own / len(made)}
    return {"rate": rate, "whole": len(made) / whole, **per_image}


def _upstream(photos):
    """Upstream's way: one image after the other in one thread, read and written as ours are."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    started, cpu, paths = time.perf_counter(), _cpu_seconds(), find_images(photos)
    try:
        for path in paths:
            rgb = read_image(path).rgb
            superpixel = (superpixel_target(rgb / 127.5 - 1.0, _MIN_SIZE) + 1.0) * 127.5
            smooth = np.clip(l0_smooth_double(rgb / 255.0, _LAMBDA), 0, 1) * 255
            for kind, target in (("superpixel", superpixel), ("l0", smooth)):
                write_image(
                    photos.with_name(f"upstream_{kind}") / f"{path.stem}.png", np.round(target).astype(np.uint8)
                )
    finally:
        cv2.setNumThreads(threads)
    whole, cpu = time.perf_counter() - started, _cpu_seconds() - cpu
    rate, cpu_ms = len(paths) / whole, 1e3 * cpu / len(paths)
    return {"rate": rate, "whole": rate, "cpu_ms": cpu_ms, "parent_cpu_ms": cpu_ms}


def _cpu_seconds():
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _spread(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": values}
