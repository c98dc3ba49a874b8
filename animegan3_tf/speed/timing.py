"""Timings of repeated calls: medians with their spread, and runs that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Timing:
    """Seconds of each call."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds of the middle call."""
        return statistics.median(self.seconds)

    def to_dict(self) -> dict:
        """Milliseconds for JSON."""
        return {
            "ms": 1e3 * self.median,
            "ms_low": 1e3 * min(self.seconds),
            "ms_high": 1e3 * max(self.seconds),
            "calls_ms": [1e3 * seconds for seconds in self.seconds],
        }


def seconds_of(run: Callable[[], object]) -> float:
    """Wall-clock seconds of one call, until every device is done with it."""
    start = time.perf_counter()
    run()
    tf.test.experimental.sync_devices()
    return time.perf_counter() - start


def take_turns(
    runs: dict[str, Callable[[], object]], rounds: int, after: Callable[[str], object] = lambda name: None
) -> dict[str, Timing]:
    """Times each run once a round, so that whatever else the machine does falls on all of them alike.

    after: called with a run's name when it is done, untimed.

    The order turns round every time: what follows a run (a warm cache, a filled queue) favours none.
    """
    seconds = {name: [] for name in runs}
    for i in range(rounds):
        for name in list(runs)[:: 1 if i % 2 == 0 else -1]:
            seconds[name].append(seconds_of(runs[name]))
            after(name)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratios(slower: Timing, faster: Timing) -> tuple[float, ...]:
    """How many times as long the one took in each round."""
    return tuple(a / b for a, b in zip(slower.seconds, faster.seconds))
