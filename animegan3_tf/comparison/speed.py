"""How long each method takes for a picture, the methods taking turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from animegan3_tf import images
from animegan3_tf.comparison.memory import Memory
from animegan3_tf.comparison.method import Method
from animegan3_tf.speed.timing import Timing, ratios, take_turns


@dataclass(frozen=True)
class Speed:
    """A method at a size.

    reference: the first method that takes this size; ratio: (median, low, high) of the times it took of that one's in
    the same round, above 1 for slower.
    """

    timing: Timing
    reference: str
    ratio: tuple[float, float, float]

    def to_dict(self) -> dict:
        """As JSON takes it, in milliseconds."""
        median, low, high = self.ratio
        ratio = {"to": self.reference, "median": median, "low": low, "high": high}
        return {**self.timing.to_dict(), "ratio": ratio}


def time_methods(
    methods: Sequence[Method],
    photo: np.ndarray,
    sizes: Sequence[tuple[int, int]],
    rounds: int,
    memories: Mapping[str, Memory],
    advance: Callable[[int, int, str], None] | None = None,
) -> dict[str, dict[tuple[int, int], Speed]]:
    """{method: {(H, W): Speed}}, without what has no generator and without sizes that a method does not take.

    photo: uint8 [H, W, 3], resized to each size. memories: of `measure_memory`; what has failed there is not tried
    here, where it would end the whole comparison. A picture runs in one piece. A call takes float32 in main memory and
    ends with float32 there; reading, resizing and writing of files are not in it, nor is a method's first call at a
    size.
    """
    found = {method.name: {} for method in methods}
    ready = {
        size: {m.name: m for m in methods if m.name in memories and size in memories[m.name].peaks} for size in sizes
    }
    total = (1 + rounds) * sum(map(len, ready.values()))
    done = 0

    def tell(name):
        nonlocal done
        done += 1
        if advance:
            advance(done, total, name)

    for size in sizes:
        if not ready[size]:
            continue
        batch = images.resize(photo, size)[None].astype(np.float32) / 127.5 - 1.0
        calls = {name: lambda f=method.in_one_piece: f(batch) for name, method in ready[size].items()}  # noqa: B023
        for name, call in calls.items():
            call()
            tell(name)
        timings = take_turns(calls, rounds, tell)
        reference = next(iter(timings))
        for name, timing in timings.items():
            found[name][size] = Speed(timing, reference, spread(ratios(timing, timings[reference])))
    return found


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, least, greatest)."""
    return statistics.median(values), min(values), max(values)
