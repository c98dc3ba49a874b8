"""Methods against each other: the same photos to all, their pictures, what these are worth and what they cost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.comparison.drawn import Drawn, draw
from animegan3_tf.comparison.inputs import Inputs, reduce_photos
from animegan3_tf.comparison.memory import Memory, measure_memory
from animegan3_tf.comparison.method import Method, open_method
from animegan3_tf.comparison.metric_set import Measured, MetricSet
from animegan3_tf.comparison.specification import Specification
from animegan3_tf.comparison.speed import Speed, time_methods
from animegan3_tf.errors import UserError
from animegan3_tf.images import DEFAULT_MAX_PIXELS, find_images, quote, read_image
from animegan3_tf.speed.machine import describe_machine

LEAST_SIDE = 64


@dataclass(frozen=True)
class Settings:
    """side: longest of the photos. sizes: (H, W) at which methods are timed, none for no timing. rounds: of timing."""

    side: int = 512
    sizes: tuple[tuple[int, int], ...] = ()
    rounds: int = 5
    max_pixels: int = DEFAULT_MAX_PIXELS

    def __post_init__(self):
        """Refuses what would compare nothing."""
        if self.side < LEAST_SIDE:
            raise UserError(f"--size {self.side} is too small to judge; give {LEAST_SIDE} or more")


@dataclass(frozen=True)
class Entry:
    """Everything of one method. speeds: {(H, W): Speed}. memory: None where it was not measured."""

    method: Method
    drawn: Drawn
    measured: Measured
    speeds: dict[tuple[int, int], Speed]
    memory: Memory | None

    def notes(self, photos: int) -> list[str]:
        """What a reader of its numbers should know; photos: how many there are."""
        told, drawn, method = [], self.drawn, self.method
        if drawn.missing:
            told.append(f"no picture of {len(drawn.missing):,} of {photos:,} photos, so its scores are of fewer")
        if drawn.resized:
            first = next(iter(drawn.resized.values()))
            more = "" if len(set(drawn.resized.values())) == 1 else " and others"
            told.append(
                f"{len(drawn.resized):,} of {len(drawn.paths):,} pictures resized to the photos' size, "
                f"from {first[1]}x{first[0]}{more}"
            )
        if method.stylizer is None:
            told.append("pictures made elsewhere: not timed")
        if method.fixed_size:
            height, width = method.fixed_size
            told.append(
                f"takes {width}x{height} only: timed at no other size; larger photos reduced to fit, results enlarged"
            )
        if self.memory and self.memory.failed:
            told.append(f"neither memory nor time was measured where its process failed: {self.memory.failed}")
        return told


@dataclass(frozen=True)
class Comparison:
    """What came out. metrics: what they were measured with, and machine: on what, as `MetricSet.to_dict` and JSON."""

    inputs: Inputs
    anime: Path
    anime_pictures: int
    entries: tuple[Entry, ...]
    settings: Settings
    metrics: dict
    machine: dict

    @property
    def problems(self) -> list[str]:
        """A line for each file that could not be used, each once."""
        lines = list(self.inputs.rejected)
        for entry in self.entries:
            lines += [entry.drawn.missing[name] for name in entry.drawn.broken]
            lines += entry.measured.rejected
        return list(dict.fromkeys(lines))


def compare(
    photos: str | os.PathLike,
    anime: str | os.PathLike,
    specifications: Sequence[Specification],
    metrics: MetricSet,
    settings: Settings,
    work: Path,
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext(),
) -> Comparison:
    """Compares methods; raises UserError for what cannot be compared, most of it before the first picture.

    work: an empty folder, which holds the pictures: a `Comparison` refers to it. progress: as
    `animegan3_tf.progress.progress`.
    """
    anime_pictures = len(find_images(anime))
    if not anime_pictures:
        raise UserError(f"--anime {quote(anime)} holds no pictures; name a folder that does")
    methods = [open_method(specification) for specification in specifications]
    with progress("photos") as advance:
        inputs = reduce_photos(photos, work / "photos", settings.side, settings.max_pixels, advance)
    drawn, measured = {}, {}
    for number, method in enumerate(methods):
        with progress(f"pictures, {method.name}") as advance:
            drawn[method.name] = draw(method, inputs, work / f"method-{number}", settings.max_pixels, advance)
        if not drawn[method.name].paths:
            reason = next(iter(drawn[method.name].missing.values()))
            raise UserError(f"--model {method.name} has no picture that can be compared: {reason}")
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
    return Comparison(inputs, Path(anime), anime_pictures, entries, settings, metrics.to_dict(), describe_machine())
