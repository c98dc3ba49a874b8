"""Surveys a folder of images: sizes, colours, sharpness, bars, fingerprints."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import one_line
from animegan3_tf.common.files import StrPath, sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, Thumbnail, find_images, thumbnail
from animegan3_tf.data.colors import SIDE, ColorTally, histograms, in_threads
from animegan3_tf.data.near_duplicates import difference_hash, is_flat

_GREY = 2.0  # levels: below this mean of (greatest - least channel), no colour is visible
_BLANK = 2.0  # levels: below this standard deviation of every channel, an image is of one colour
_DARK, _STEP = 20, 12  # levels: rows of a bar are darker than _DARK, and brightness rises by _STEP at its edge
_LEAST_BAR = 0.03  # share of the side, at each end


@dataclass(frozen=True)
class ImageStats(Thumbnail):
    """A reduced copy of one image, and its statistics.

    Attributes:
        histograms: See `colors.histograms`.
        grey: Whether the image has no visible colour.
        bars: The share of the area that dark bars cover, 0 to 1.
        hash: See `difference_hash`.
        blank: Whether it is of one colour.
        sha256: That of the file where the hash is of a nearly empty image and tells nothing, else "".
    """

    histograms: np.ndarray
    grey: bool
    bars: float
    hash: int
    blank: bool
    sha256: str


def image_stats(path: StrPath, max_pixels: int = DEFAULT_MAX_PIXELS) -> ImageStats:
    """Measures an image on a copy of about 128 pixels a side.

    Raises:
        ImageError: As `read_image` does.
    """
    seen = thumbnail(path, SIDE, max_pixels)
    fingerprint = difference_hash(seen.rgb)
    return ImageStats(
        **vars(seen),
        histograms=histograms(seen.rgb),
        grey=bool(np.ptp(seen.rgb, axis=-1).mean() < _GREY),
        bars=letterbox(seen.rgb),
        hash=fingerprint,
        blank=bool(seen.rgb.std(axis=(0, 1)).max() < _BLANK),
        sha256=sha256_of(path) if is_flat(fingerprint) else "",
    )


def letterbox(rgb: np.ndarray) -> float:
    """The share of a uint8 image [H, W, 3] under dark bars at top and bottom or at left and right; 0.0 without bars."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return max(_bars(grey), _bars(grey.T))


def _bars(grey: np.ndarray) -> float:
    """The share of rows under bars. A night sky is dark too, but has no sharp edge at both ends."""
    means, highs = grey.mean(axis=1), np.percentile(grey, 98, axis=1)
    dark, length = (means < _DARK) & (highs < 2 * _DARK), len(means)
    if dark.all():
        return 0.0
    top, bottom = int(np.argmin(dark)), int(np.argmin(dark[::-1]))
    if min(top, bottom) < max(1, _LEAST_BAR * length):
        return 0.0
    steps = means[top] - means[top - 1], means[length - bottom - 1] - means[length - bottom]
    return (top + bottom) / length if min(steps) >= _STEP else 0.0


@dataclass
class Survey:
    """The statistics of one folder.

    Attributes:
        folder: The folder.
        names: Relative names of the images that can be read.
        rejected: {relative name: one-line reason} of the others.
        bytes: Size of the readable files together.
        formats: How many readable files have each format.
        modes: How many readable files have each colour mode.
        widths: Pixels, in the order of `names`.
        heights: Pixels, in the order of `names`.
        hashes: Difference hashes, in the order of `names`.
        digests: {index into `names`: SHA-256 of the file} of images that are nearly empty, whose hashes tell nothing.
        blank: Indices into `names` of images of one colour.
        grey: Indices into `names` of images without visible colour.
        barred: Indices into `names` of letterboxed images.
        animated: Indices into `names` of animations.
        colors: Mean histograms.
    """

    folder: Path
    names: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    widths: array[int] = field(default_factory=lambda: array("I"))
    heights: array[int] = field(default_factory=lambda: array("I"))
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    digests: dict[int, str] = field(default_factory=dict)
    blank: list[int] = field(default_factory=list)
    grey: list[int] = field(default_factory=list)
    barred: list[int] = field(default_factory=list)
    animated: list[int] = field(default_factory=list)
    colors: ColorTally = field(default_factory=ColorTally)

    @property
    def found(self) -> int:
        """The number of images, readable or not."""
        return len(self.names) + len(self.rejected)

    @property
    def short_sides(self) -> np.ndarray:
        """Pixels, int [N]."""
        return np.minimum(self.widths, self.heights)

    @property
    def aspects(self) -> np.ndarray:
        """Width over height, float [N]."""
        return np.divide(self.widths, self.heights)


def survey_folder(folder: StrPath, on_progress: Advance | None = None, max_pixels: int = DEFAULT_MAX_PIXELS) -> Survey:
    """Measures every image of a folder, in threads. Writes nothing.

    Args:
        folder: The folder, searched with its subfolders.
        on_progress: Called with (images done, all images, name) after each image.
        max_pixels: Larger images are rejected.
    """
    survey = Survey(Path(folder))
    paths = find_images(folder, on_error=lambda path, error: survey.rejected.update({shown(path, folder): str(error)}))

    def try_image(path: Path) -> ImageStats | str:
        try:
            return image_stats(path, max_pixels)
        except ImageError as error:
            return one_line(error)

    names = [shown(path, folder) for path in paths]
    for name, stats in counted(zip(names, in_threads(try_image, paths)), names, on_progress):
        if isinstance(stats, str):
            survey.rejected[name] = stats
        else:
            _add(survey, name, stats)
    return survey


def shown(path: StrPath, folder: StrPath) -> str:
    """The path relative to the folder, with forward slashes; undecodable bytes and control characters are escaped."""
    name = Path(path).relative_to(folder).as_posix().encode(errors="backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _add(survey: Survey, name: str, stats: ImageStats) -> None:
    number = len(survey.names)
    survey.names.append(name)
    survey.bytes += stats.bytes
    survey.formats[stats.format] += 1
    survey.modes[stats.mode] += 1
    survey.widths.append(stats.width)
    survey.heights.append(stats.height)
    survey.hashes.append(stats.hash)
    survey.colors.add(stats.histograms)
    survey.digests |= {number: stats.sha256} if stats.sha256 else {}
    survey.blank += [number] if stats.blank else []
    survey.grey += [number] if stats.grey else []
    survey.barred += [number] if stats.bars > 0 else []
    survey.animated += [number] if stats.frames > 1 else []
