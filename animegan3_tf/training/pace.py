"""How fast a run goes, and how long it will still take, in words for a person."""

from __future__ import annotations

import math
import time

from animegan3_tf.duration import duration


class Pace:
    """Steps a second between two readings, with all that happens between steps (pictures, saves).

    The first step of a phase traces its graph, which may take as long as a hundred steps: it is left out of the rate
    as soon as there is another to tell it from. clock: seconds, for tests.
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self.restart()

    def restart(self):
        """A phase begins."""
        self._since, self._steps = self._clock(), 0
        self._traced = None  # when the first step of the phase was done

    def count(self):
        """A step is done."""
        self._steps += 1
        if self._traced is None:
            self._traced = self._clock()
            self._first = True

    def read(self):
        """Steps a second since the last reading; 0.0 when none was done."""
        now, steps, since = self._clock(), self._steps, self._since
        if self._traced is not None and self._first and steps > 1:
            steps, since = steps - 1, self._traced
        self._since, self._steps, self._first = now, 0, False
        return steps / max(now - since, 1e-9)


def remaining(step, rate, steps, pretrain_steps):
    """`ends in 1 h 05 min`, or `adversarial in 2 min` while the slower phase, whose rate is not known, is to come.

    rate: steps a second. Returns "" where there is no telling.
    """
    # the last step of pre-training too: its rate says nothing of the steps to come
    ahead = step <= pretrain_steps < steps
    left = (pretrain_steps if ahead else steps) - step
    if left <= 0 or not rate > 0 or not math.isfinite(rate):
        return ""
    return f"{'adversarial' if ahead else 'ends'} in {duration(left / rate)}"
