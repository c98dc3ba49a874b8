"""Compares methods: cost, and scores of their drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf import __version__
from animegan3_tf.common.console import Progress, no_progress
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images, read_image
from animegan3_tf.comparison.inputs import Inputs, Specification, reduce_photos, size_text
from animegan3_tf.comparison.memory import Memory, measure_memory
from animegan3_tf.comparison.method import Drawn, Method, draw_methods, open_method
from animegan3_tf.comparison.speed import Speed, describe_machine, time_methods
from animegan3_tf.evaluation.evaluate import evaluate_pairs, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result, Score, score_row


@dataclass(frozen=True)
class Measured:
    """Measurements of one method's images.

    Attributes:
        results: Numbers over all images.
        kinds: The kinds of scores that single images have.
        scores: {key of a kind: float64 [N]} in the order of the pairs; NaN where there is no number.
        rejected: One line for each anime image that could not be read.
    """

    results: tuple[Result, ...]
    kinds: tuple[Score, ...]
    scores: dict[str, np.ndarray]
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class EvaluationMetrics:
    """Measures everything that `measures` has a network for.

    The features of photos and anime are computed for the first method; the others take them from the cache.

    Attributes:
        measures: The networks and settings.
        progress: A function such as `animegan3_tf.common.console.progress`.
    """

    measures: Measures
    progress: Progress = no_progress

    def __call__(self, pairs: dict[Path, Path], anime: Path) -> Measured:
        """Measures a method's images against their photos and against anime.

        Args:
            pairs: {image of the method: its photo}, PNG files. The two of a pair have the same size.
            anime: The folder of anime images.
        """
        found = evaluate_pairs(pairs, anime, self.measures, self.progress)
        places = {path: place for place, path in enumerate(found.pairs)}
        order = np.array([places.get(path, -1) for path in pairs], int)
        scores = {key: np.append(values, np.nan)[order] for key, values in found.scores.items()}
        return Measured(found.results, found.kinds, scores, tuple(rejected(found)))

    def to_dict(self) -> dict:
        """The networks and settings for the report: {what they measure: {key: value}, or None without a network}."""
        return self.measures.to_dict()


LEAST_SIDE = 64  # pixels


@dataclass(frozen=True)
class Settings:
    """Settings of a comparison.

    Attributes:
        side: Pixels of the photos' longest side, at most; `LEAST_SIDE` or more.
        sizes: The (H, W) at which methods are timed; without any, nothing is timed.
        rounds: Timed calls of each method at each size.
        max_pixels: The limit for images that are read.
    """

    side: int = 512
    sizes: tuple[tuple[int, int], ...] = ()
    rounds: int = 5
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self) -> None:
        """Refuses a side at which images cannot be compared."""
        if self.side < LEAST_SIDE:
            raise UserError(f"--size {self.side} is too small for a comparison; give {LEAST_SIDE} or more")


@dataclass(frozen=True)
class Entry:
    """Everything about one method.

    Attributes:
        method: The method.
        drawn: Its images.
        measured: Their scores.
        speeds: {(H, W): Speed} for the sizes at which it was timed.
        memory: None where it was not measured.
    """

    method: Method
    drawn: Drawn
    measured: Measured
    speeds: dict[tuple[int, int], Speed]
    memory: Memory | None

    def notes(self, photos: int) -> list[str]:
        """Lines that a reader of the method's numbers should know; `photos` is the number of photos."""
        lines, drawn, method = [], self.drawn, self.method
        if drawn.missing:
            lines.append(f"no picture of {len(drawn.missing):,} of {photos:,} photos, so its scores are of fewer")
        if drawn.resized:
            first, *others = dict.fromkeys(drawn.resized.values())
            lines.append(
                f"{len(drawn.resized):,} of {len(drawn.paths):,} pictures resized to the photos' size, "
                f"from {size_text(first)}{' and others' if others else ''}"
            )
        if method.stylizer is None:
            lines.append("pictures made elsewhere: not timed")
        if method.fixed_size:
            only = f"takes {size_text(method.fixed_size)} only"
            lines.append(f"{only}: timed at no other size; larger photos reduced to fit, results enlarged")
        if self.memory and self.memory.failed:
            lines.append(f"neither memory nor time was measured where its process failed: {self.memory.failed}")
        return lines

    def to_dict(self, photos: int) -> dict:
        """Everything but single images' scores as plain values for JSON; `photos` is the number of photos."""
        method, drawn = self.method, self.drawn
        return {
            "name": method.name,
            "path": str(method.given),
            "kind": method.kind,
            "parameters": method.parameters,
            "bytes": method.bytes,
            "gflop_256": method.gflop,
            "takes_only": method.fixed_size and size_text(method.fixed_size),
            "pictures": len(drawn.paths),
            "missing": drawn.missing,
            "resized_from": {name: size_text(size) for name, size in drawn.resized.items()},
            "notes": self.notes(photos),
            "speed": {size_text(size): speed.to_dict() for size, speed in self.speeds.items()},
            "memory": self.memory and self.memory.to_dict(),
            "results": [result.to_dict() for result in self.measured.results],
        }


@dataclass(frozen=True)
class Comparison:
    """The results of a comparison.

    Attributes:
        inputs: The photos.
        anime: The folder of anime images.
        anime_count: The number of images in it.
        entries: The methods, in the order given.
        settings: The settings.
        metrics: The networks and settings of the metrics; see `EvaluationMetrics.to_dict`.
        machine: The machine; see `describe_machine`.
        lost: A line for each method that is left out because its model drew none of the photos.
    """

    inputs: Inputs
    anime: Path
    anime_count: int
    entries: tuple[Entry, ...]
    settings: Settings
    metrics: dict
    machine: dict
    lost: tuple[str, ...] = ()

    @property
    def problems(self) -> list[str]:
        """One line for each file and method that could not be used, without repetitions."""
        lines = [*self.inputs.rejected, *self.lost]
        for entry in self.entries:
            lines += [entry.drawn.missing[name] for name in entry.drawn.broken]
            lines += entry.measured.rejected
        return list(dict.fromkeys(lines))

    def image_rows(self) -> list[dict[str, str | float | None]]:
        """A row for each image of each method: the method, the photo, its scores; None where there is no number."""
        return [
            {"method": e.method.name, "photo": photo, **score_row(e.measured.kinds, e.measured.scores, place)}
            for e in self.entries
            for place, photo in enumerate(e.drawn.paths)
        ]

    def to_dict(self) -> dict:
        """Everything as plain values for JSON."""
        inputs, settings = self.inputs, self.settings
        return {
            "animegan3_tf": __version__,
            "machine": self.machine,
            "photos": {
                "folder": str(inputs.given),
                "pictures": len(inputs.paths),
                "longest_side": inputs.side,
                "sizes": {name: size_text(size) for name, size in inputs.sizes.items()},
            },
            "anime": {"folder": str(self.anime), "pictures": self.anime_count},
            "timing": {"sizes": [size_text(size) for size in settings.sizes], "rounds": settings.rounds},
            "metrics": self.metrics,
            "problems": self.problems,
            "methods": [entry.to_dict(len(inputs.paths)) for entry in self.entries],
            "pictures": self.image_rows(),
        }


def compare(
    photos: StrPath,
    anime: StrPath,
    specifications: Sequence[Specification],
    metrics: EvaluationMetrics,
    settings: Settings,
    work: Path,
    progress: Progress = no_progress,
) -> Comparison:
    """Compares methods on the same photos.

    Args:
        photos: The folder of photos.
        anime: The folder of anime images that the methods imitate.
        specifications: The methods.
        metrics: The scores to measure.
        settings: Sizes and rounds.
        work: An empty folder for the images. The result refers to files in it.
        progress: A function such as `animegan3_tf.common.console.progress`.

    Raises:
        UserError: A folder holds no images, a method cannot be opened, or none draws a photo. Most of this
            is found before the first image is drawn.
    """
    anime_count = len(find_images(anime))
    if not anime_count:
        raise UserError(f"--anime {quote(anime)} holds no pictures; name a folder that does")
    methods = [open_method(specification) for specification in specifications]
    with progress("photos") as advance:
        inputs = reduce_photos(photos, work / "photos", settings.side, settings.max_pixels, advance)
    drawn, measured, lost = {}, {}, []
    for number, method in enumerate(methods):
        with progress(f"pictures, {method.name}") as advance:
            drawn[method.name] = draw_methods(method, inputs, work / f"method-{number}", settings.max_pixels, advance)
        if not drawn[method.name].paths:
            reason = next(iter(drawn.pop(method.name).missing.values()))
            lost.append(f"--model {method.name} has no picture that can be compared: {reason}")
    methods = [method for method in methods if method.name in drawn]
    if not methods:
        raise UserError(lost[0])
    for name, of in drawn.items():
        measured[name] = metrics({path: inputs.paths[photo] for photo, path in of.paths.items()}, Path(anime))
    speeds, memories = {}, {}
    if settings.sizes:
        photo = read_image(next(iter(inputs.paths.values()))).rgb
        with progress("memory") as advance:
            memories = measure_memory(methods, settings.sizes, advance)
        with progress("timing") as advance:
            speeds = time_methods(methods, photo, settings.sizes, settings.rounds, memories, advance)
    entries = tuple(
        Entry(method, drawn[method.name], measured[method.name], speeds.get(method.name, {}), memories.get(method.name))
        for method in methods
    )
    return Comparison(
        inputs, Path(anime), anime_count, entries, settings, metrics.to_dict(), describe_machine(), tuple(lost)
    )
