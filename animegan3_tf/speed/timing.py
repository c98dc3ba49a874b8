"""Timings of repeated calls: the median with its spread, for functions that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Timing:
    """The wall-clock seconds of each call."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median in seconds."""
        return statistics.median(self.seconds)

    def to_dict(self) -> dict:
        """Median, minimum, maximum and all calls in milliseconds, for JSON."""
        return {
            "ms": 1e3 * self.median,
            "ms_low": 1e3 * min(self.seconds),
            "ms_high": 1e3 * max(self.seconds),
            "calls_ms": [1e3 * seconds for seconds in self.seconds],
        }


def seconds_of(run: Callable[[], object]) -> float:
    """Measures the wall-clock seconds of one call, until every device has finished."""
    start = time.perf_counter()
    run()
    tf.test.experimental.sync_devices()
    return time.perf_counter() - start


def take_turns(
    runs: dict[str, Callable[[], object]], rounds: int, after: Callable[[str], object] = lambda name: None
) -> dict[str, Timing]:
    """Times each function once per round, so that other load on the machine affects all of them alike.

    The order is reversed every round, so that no function always profits from the one before it (a warm cache, a filled
    queue).

    Args:
        runs: {name: function}.
        rounds: How often each function is called.
        after: Called with a function's name after each call, outside the timing.

    Returns:
        {name: timing}.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds):
        for name in list(runs)[:: 1 if i % 2 == 0 else -1]:
            seconds[name].append(seconds_of(runs[name]))
            after(name)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratios(slower: Timing, faster: Timing) -> tuple[float, ...]:
    """Returns `slower / faster` for each round."""
    return tuple(a / b for a, b in zip(slower.seconds, faster.seconds))
