"""Times the methods on an image of each size. The methods take turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from animegan3_tf import images
from animegan3_tf.comparison.memory import Memory
from animegan3_tf.comparison.method import Method
from animegan3_tf.speed.timing import Timing, ratios, take_turns


@dataclass(frozen=True)
class Speed:
    """Times of a method at one size.

    Attributes:
        timing: Seconds of each call.
        reference: The first method that takes this size.
        ratio: (median, least, greatest) over rounds of this method's time divided by the reference's; above 1 is
            slower.
    """

    timing: Timing
    reference: str
    ratio: tuple[float, float, float]

    def to_dict(self) -> dict:
        """Plain values for JSON, in milliseconds."""
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
    """Times the methods at each size that they take.

    An image runs in one piece. A call begins and ends with float32 in main memory: reading, resizing and writing files
    are not included, and neither is a method's first call at a size.

    Args:
        methods: The methods.
        photo: uint8 [H, W, 3], resized to each size.
        sizes: The (H, W) to time.
        rounds: Calls of each method at each size.
        memories: The results of `measure_memory`. A size that failed there is not tried here, where it would end the
            whole comparison.
        advance: Called with (calls done, all calls, method's name) after each call.

    Returns:
        {method's name: {(H, W): Speed}}, without sizes that a method does not take or failed at. A method without a
        generator has none.
    """
    found: dict[str, dict[tuple[int, int], Speed]] = {method.name: {} for method in methods}
    ready = {
        size: {m.name: m for m in methods if m.name in memories and size in memories[m.name].peaks} for size in sizes
    }
    total = (1 + rounds) * sum(map(len, ready.values()))
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        if advance:
            advance(done, total, name)

    for size in sizes:
        if not ready[size]:
            continue
        batch = images.resize(photo, size)[None].astype(np.float32) / 127.5 - 1.0
        calls: dict[str, Callable[[], object]] = {
            name: partial(method.in_one_piece, batch) for name, method in ready[size].items()
        }
        for name, call in calls.items():
            call()
            count(name)
        timings = take_turns(calls, rounds, count)
        reference = next(iter(timings))
        for name, timing in timings.items():
            found[name][size] = Speed(timing, reference, spread(ratios(timing, timings[reference])))
    return found


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, least, greatest) of the values."""
    return statistics.median(values), min(values), max(values)
