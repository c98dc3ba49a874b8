"""The colours of a folder's images, and the shift that balances those of anime with those of photos."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.files import StrPath
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, find_images, thumbnail
from animegan3_tf.data.manifest import COLORS, MANIFEST, TARGETS, Manifest, is_record, read_entries
from animegan3_tf.data.shard_folder import PICTURE, is_shard_folder, shard_stages

SIDE = 128  # pixels of the short side of the reduced copies that are measured
_LEVELS = np.arange(256)
_AT_ONCE = 64

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ColorTally:
    """Mean histograms of red, green, blue and brightness (Y of BT.601) over images of equal weight.

    Attributes:
        pictures: How many images were added.
    """

    def __init__(self) -> None:
        self.pictures, self._sums = 0, np.zeros((4, 256))

    def add(self, histograms: np.ndarray) -> None:
        """Adds the `histograms` of one image."""
        self.pictures += 1
        self._sums += histograms

    @property
    def histograms(self) -> np.ndarray:
        """Shares of the 256 levels, float64 [4, 256]: red, green, blue, brightness."""
        return self._sums / max(1, self.pictures)

    def to_dict(self) -> dict:
        """Returns the statistics as the manifest keeps them.

        Returns:
            {"pictures": their number, "mean" and "deviation": [red, green, blue], "brightness": mean of Y}; levels
            from 0 to 255, rounded to two decimals.
        """
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
    """Measures one image.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        float64 [4, 256], the shares of the 256 levels of red, green, blue and brightness (Y of BT.601).
    """
    planes = [*cv2.split(rgb), cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)]
    return np.stack([np.bincount(plane.ravel(), minlength=256) for plane in planes]) / planes[0].size


def folder_colors(folder: StrPath, on_progress: Advance | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> dict:
    """Returns the mean colours of a folder: from its manifest where that is current, else measured.

    Measuring reads every image, reduced, in threads.

    Args:
        folder: Folder of images; those that cannot be read are left out.
        on_progress: Called as (done, total, name) after each image.
        max_pixels: Images with more are left out.

    Returns:
        See `ColorTally.to_dict`.
    """
    folder = Path(folder)
    paths = find_images(folder)
    return _recorded(folder, _sources(folder, paths)) or _measure(paths, on_progress, max_pixels)


def record_colors(folder: StrPath, on_progress: Advance | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> dict:
    """Does what `folder_colors` does, and writes the result into the manifest beside the folder.

    Args:
        folder: See `folder_colors`.
        on_progress: See `folder_colors`.
        max_pixels: See `folder_colors`.

    Returns:
        See `ColorTally.to_dict`.

    Raises:
        UserError: The manifest was not written by prepare, cannot be written, or is in use by another run.
    """
    folder = Path(folder).resolve()
    paths = find_images(folder)
    sources = _sources(folder, paths)
    colors = _recorded(folder, sources)
    if colors is None:
        colors = _measure(paths, on_progress, max_pixels)
        with Manifest(folder.parent, TARGETS) as records:
            records.write([(COLORS, folder.name, {**colors, "sources": sources})])
    return colors


def in_threads(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Yields function(item) in order; decoders release the interpreter's lock, so threads are enough."""
    items = iter(items)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        while some := list(islice(items, _AT_ONCE)):
            yield from pool.map(function, some)


def _measure(paths: list[Path], on_progress: Advance | None, max_pixels: int) -> dict:
    def measure(path: Path) -> np.ndarray | None:
        try:
            return histograms(thumbnail(path, SIDE, max_pixels).rgb)
        except ImageError:
            return None

    tally = ColorTally()
    for found in counted(in_threads(measure, paths), [path.name for path in paths], on_progress):
        if found is not None:
            tally.add(found)
    return tally.to_dict()


def _recorded(folder: Path, sources: str) -> dict | None:
    folder = folder.resolve()
    for part, name, value in read_entries(folder.parent / MANIFEST, is_record):
        if (part, name) == (COLORS, folder.name):
            return value if value.pop("sources", None) == sources else None
    return None


def _sources(folder: Path, paths: list[Path]) -> str:
    """Returns a digest that changes when an image is added, removed or changed."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            state = path.stat()
            version = f"{state.st_size} {state.st_mtime_ns}"
        except OSError as error:
            version = error.strerror or ""
        digest.update(os.fsencode(path.relative_to(folder)) + f"\0{version}\n".encode())
    return digest.hexdigest()


def balance_settings(how: str, anime: StrPath, max_pixels: int = DEFAULT_MAX_PIXELS) -> dict | None:
    """Finds the settings of `balanced` for a folder of anime images.

    Args:
        how: "mean" adds one number to each channel of every image, so that over the folder red, green and blue have
            the same mean, as AnimeGAN and AnimeGANv2 do. "equalize" spreads each image's brightness over all levels.
            "none" leaves the images as they are.
        anime: Folder of images or of shards. The images in shards are balanced already, and the folder records the
            numbers.
        max_pixels: Images with more are left out of the mean.

    Returns:
        None for "none"; {"how": "equalize"}; or {"how": "mean", "shift": three whole levels to add}. Whole levels
        rarely change when the folder gains or loses an image, so targets stay current. "shift" is None for shards
        that are not balanced by their mean; `ShardImages` refuses those.
    """
    if how == "none":
        return None
    if how == "equalize":
        return {"how": how}
    if is_shard_folder(anime):
        return {"how": how, "shift": (shard_stages(anime)[PICTURE].get("balance") or {}).get("shift")}
    means = np.array(folder_colors(anime, max_pixels=max_pixels)["mean"])
    return {"how": how, "shift": [round(float(level)) for level in means.mean() - means]}


def balanced(rgb: np.ndarray, settings: dict | None) -> np.ndarray:
    """Returns a uint8 image [H, W, 3] with its colours balanced; `settings` are those of `balance_settings`."""
    if settings is None:
        return rgb
    if settings["how"] == "mean":
        return np.clip(rgb.astype(np.int16) + np.array(settings["shift"], np.int16), 0, 255).astype(np.uint8)
    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.equalizeHist(yuv[..., 0])
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)
