"""Statistics of one folder's images, in memory that hardly grows with their number."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import ColorTally, in_threads
from animegan3_tf.errors import one_line
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images
from animegan3_tf.inspection.image_stats import ImageStats, image_stats


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


def survey_folder(
    folder: str | os.PathLike,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Survey:
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

    for number, (path, stats) in enumerate(zip(paths, in_threads(try_image, paths)), 1):
        name = shown(path, folder)
        if isinstance(stats, str):
            survey.rejected[name] = stats
        else:
            _add(survey, name, stats)
        if on_progress:
            on_progress(number, len(paths), name)
    return survey


def shown(path: str | os.PathLike, folder: str | os.PathLike) -> str:
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
    for numbers, holds in (
        (survey.grey, stats.grey),
        (survey.barred, stats.bars > 0),
        (survey.animated, stats.frames > 1),
    ):
        if holds:
            numbers.append(number)
