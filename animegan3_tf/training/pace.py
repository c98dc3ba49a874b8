"""The speed of a run and its remaining time, worded for a person."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from animegan3_tf.duration import duration


class Pace:
    """Steps per second between two readings, including everything between the steps (image grids, saves).

    The first step of a phase traces its graph, which may take as long as a hundred steps, so the rate leaves it out as
    soon as a second step is done.

    Args:
        clock: Returns seconds; tests replace it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Begins a phase."""
        self._since, self._steps = self._clock(), 0
        self._traced: float | None = None  # when the first step of the phase was done

    def count(self) -> None:
        """Counts a step that is done."""
        self._steps += 1
        if self._traced is None:
            self._traced = self._clock()
            self._first = True

    def read(self) -> float:
        """Returns the steps per second since the last reading; 0.0 if no step was done."""
        now, steps, since = self._clock(), self._steps, self._since
        if self._traced is not None and self._first and steps > 1:
            steps, since = steps - 1, self._traced
        self._since, self._steps, self._first = now, 0, False
        return steps / max(now - since, 1e-9)


def remaining(step: int, rate: float, steps: int, pretrain_steps: int) -> str:
    """Words the remaining time.

    Args:
        step: The last step done.
        rate: Steps per second.
        steps: All steps of the run.
        pretrain_steps: Those of the pre-training.

    Returns:
        `ends in 1 h 05 min`; during pre-training `adversarial in 2 min`, since the rate of the slower phase is not
        known yet; "" where the rate is not known.
    """
    # at the last step of pre-training too: its rate says nothing about the steps to come
    ahead = step <= pretrain_steps < steps
    left = (pretrain_steps if ahead else steps) - step
    if left <= 0 or not rate > 0 or not math.isfinite(rate):
        return ""
    return f"{'adversarial' if ahead else 'ends'} in {duration(left / rate)}"
