"""How bright and of which colour the pictures of a folder are, taken together; kept in the manifest beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from animegan3_tf.data.book import read_book
from animegan3_tf.data.ledger import COLORS, MANIFEST, alone, is_record, replace_part
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, thumbnail

SIDE = 128  # pixels of the short side of the reduced copies that are measured
_LEVELS = np.arange(256)
_AT_ONCE = 64


class ColorTally:
    """Mean histograms of red, green, blue and brightness (Y of BT.601) over pictures, each counting alike."""

    def __init__(self):
        self.pictures, self._sums = 0, np.zeros((4, 256))

    def add(self, histograms: np.ndarray) -> None:
        """Counts in what `histograms` returned for a picture."""
        self.pictures += 1
        self._sums += histograms

    @property
    def histograms(self) -> np.ndarray:
        """Shares of the 256 levels, [4, 256]: red, green, blue, brightness."""
        return self._sums / max(1, self.pictures)

    def to_dict(self) -> dict:
        """Mean and deviation of red, green and blue, and the mean brightness, in levels from 0 to 255."""
        shares = self.histograms
        means = shares @ _LEVELS
        deviations = np.sqrt(np.maximum(0, shares @ _LEVELS**2 - means**2))
        return {
            "pictures": self.pictures,
            "mean": [round(float(value), 2) for value in means[:3]],
            "deviation": [round(float(value), 2) for value in deviations[:3]],
            "brightness": round(float(means[3]), 2),
        }


def histograms(rgb: np.ndarray) -> np.ndarray:
    """Shares of the 256 levels in a uint8 picture [H, W, 3]: float64 [4, 256] of red, green, blue and brightness."""
    planes = [*cv2.split(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)]
    return np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes]) / planes[0].size


def folder_colors(
    folder: str | os.PathLike,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> dict:
    """`ColorTally.to_dict` of a folder: as recorded in its manifest where that is current, else measured.

    Measuring reads every picture, reduced, in threads; those that cannot be read are left out.
    """
    folder = Path(folder)
    paths = find_images(folder)
    return _recorded(folder, _sources(folder, paths)) or _measure(paths, on_progress, max_pixels)


def record_colors(
    folder: str | os.PathLike,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> dict:
    """What `folder_colors` returns, written into the manifest beside the folder."""
    folder = Path(folder).resolve()
    paths = find_images(folder)
    sources = _sources(folder, paths)
    colors = _recorded(folder, sources)
    if colors is None:
        colors = _measure(paths, on_progress, max_pixels)
        path = folder.parent / MANIFEST
        with alone([folder.parent]):
            own = {name: value for part, name, value in read_book(path, is_record) if part == COLORS}
            own[folder.name] = {**colors, "sources": sources}
            replace_part(path, COLORS, iter((COLORS, name, own[name]) for name in sorted(own)), is_record)
    return colors


def in_threads(function: Callable, items: Iterable) -> Iterator:
    """Yields function(item) in order; decoders let go of the interpreter, so threads are enough, and start at once."""
    items = iter(items)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        while some := list(islice(items, _AT_ONCE)):
            yield from pool.map(function, some)


def _measure(paths, on_progress, max_pixels):
    def measure(path):
        try:
            return histograms(thumbnail(path, SIDE, max_pixels).rgb)
        except ImageError:
            return None

    tally = ColorTally()
    for number, (path, found) in enumerate(zip(paths, in_threads(measure, paths)), 1):
        if found is not None:
            tally.add(found)
        if on_progress:
            on_progress(number, len(paths), path.name)
    return tally.to_dict()


def _recorded(folder, sources):
    folder = folder.resolve()
    for part, name, value in read_book(folder.parent / MANIFEST, is_record):
        if (part, name) == (COLORS, folder.name):
            if value.get("sources") == sources:
                return {key: value[key] for key in value if key != "sources"}
            break
    return None


def _sources(folder, paths):
    """Changes when a picture is added, removed or changed."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            state = path.stat()
            told = f"{state.st_size} {state.st_mtime_ns}"
        except OSError as error:
            told = error.strerror or ""
        digest.update(os.fsencode(path.relative_to(folder)) + f"\0{told}\n".encode())
    return digest.hexdigest()
