"""What one rater sees, from a seed: the page's script draws the same (schedule.js, number for number)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from animegan3_tf.evaluation.study.design import Study

_32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Shown:
    """A trial as a rater sees it: its number in the table, its pictures' codes from left to right, whether a repeat."""

    trial: int
    pictures: tuple[str, ...]
    repeat: bool


def schedule(study: Study, seed: int, block: int) -> list[Shown]:
    """The `items + repeats` trials of a rater in order.

    The block is shuffled. Its first `repeats` trials come again in its second half, at random places there and with
    their pictures in reverse, so that who always takes the left one does not look consistent. seed: 0 to 2^32 - 1.
    """
    below = mulberry32(seed)
    trials = study.block(block)
    _shuffle(trials, below)
    half = len(trials) // 2
    late = [(trial, False) for trial in trials[half:]] + [(trial, True) for trial in trials[: study.repeats]]
    _shuffle(late, below)
    orders, shown = {}, []
    for trial, repeat in [(trial, False) for trial in trials[:half]] + late:
        if not repeat:
            orders[trial] = list(study.trials[trial][1])
            _shuffle(orders[trial], below)
        pictures = reversed(orders[trial]) if repeat else orders[trial]
        shown.append(Shown(trial, tuple(pictures), repeat))
    return shown


def mulberry32(seed: int) -> Callable[[int], int]:
    """Random whole numbers by Tommy Ettinger's mulberry32: call the result with n for one in [0, n), n < 2^21."""
    state = seed & _32

    def below(n: int) -> int:
        nonlocal state
        state = (state + 0x6D2B79F5) & _32
        t = ((state ^ state >> 15) * (state | 1)) & _32
        t ^= (t + (((t ^ t >> 7) * (t | 61)) & _32)) & _32
        return ((t ^ t >> 14) * n) >> 32

    return below


def _shuffle(values: list, below: Callable[[int], int]) -> None:
    """Fisher and Yates, from the end."""
    for i in range(len(values) - 1, 0, -1):
        j = below(i + 1)
        values[i], values[j] = values[j], values[i]
