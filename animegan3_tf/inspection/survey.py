"""What the pictures of one folder are, taken together, in memory that hardly grows with their number."""

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
from animegan3_tf.inspection.look import look


@dataclass
class Survey:
    """A folder. `names` are relative, of the pictures that can be read; widths, heights and hashes go with them.

    rejected: {name: one-line reason}. grey, barred, animated: numbers of such pictures in `names`.
    """

    folder: Path
    names: list[str] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    bytes: int = 0
    formats: Counter = field(default_factory=Counter)
    modes: Counter = field(default_factory=Counter)
    widths: array = field(default_factory=lambda: array("I"))
    heights: array = field(default_factory=lambda: array("I"))
    hashes: array = field(default_factory=lambda: array("Q"))
    grey: list[int] = field(default_factory=list)
    barred: list[int] = field(default_factory=list)
    animated: list[int] = field(default_factory=list)
    colors: ColorTally = field(default_factory=ColorTally)

    @property
    def found(self) -> int:
        """Pictures that can be read and those that cannot."""
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
    """Looks at every picture of a folder, in threads; on_progress(done, total, name) follows. Writes nothing."""
    survey = Survey(Path(folder))
    paths = find_images(folder, on_error=lambda path, error: survey.rejected.update({shown(path, folder): str(error)}))

    def try_look(path):
        try:
            return look(path, max_pixels)
        except ImageError as error:
            return one_line(error)

    for number, (path, seen) in enumerate(zip(paths, in_threads(try_look, paths)), 1):
        name = shown(path, folder)
        if isinstance(seen, str):
            survey.rejected[name] = seen
        else:
            _add(survey, name, seen)
        if on_progress:
            on_progress(number, len(paths), name)
    return survey


def shown(path: str | os.PathLike, folder: str | os.PathLike) -> str:
    """The path relative to the folder, with forward slashes; undecodable bytes and control characters escaped."""
    name = Path(path).relative_to(folder).as_posix().encode(errors="backslashreplace").decode()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _add(survey, name, seen):
    number = len(survey.names)
    survey.names.append(name)
    survey.bytes += seen.bytes
    survey.formats[seen.format] += 1
    survey.modes[seen.mode] += 1
    survey.widths.append(seen.width)
    survey.heights.append(seen.height)
    survey.hashes.append(seen.hash)
    survey.colors.add(seen.histograms)
    for numbers, holds in (
        (survey.grey, seen.grey),
        (survey.barred, seen.bars > 0),
        (survey.animated, seen.frames > 1),
    ):
        if holds:
            numbers.append(number)
