"""The trials that one rater sees, from a seed. The page's script (schedule.js) computes exactly the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from animegan3_tf.evaluation.study.design import Study

_32 = 0xFFFFFFFF


@dataclass(frozen=True)
class Shown:
    """A trial as a rater sees it.

    Attributes:
        trial: Its index in the table.
        pictures: The codes of its images from left to right.
        repeat: Whether the rater has seen it before.
    """

    trial: int
    pictures: tuple[str, ...]
    repeat: bool


def schedule(study: Study, seed: int, block: int) -> list[Shown]:
    """Draws up the trials of a rater in order.

    The block is shuffled. Its first `repeats` trials come again at random places of the second half. They show their
    images in reverse, so that a rater who always takes the left one does not look consistent.

    Args:
        study: The study.
        seed: The rater's seed, 0 to 2^32 - 1.
        block: The rater's block.

    Returns:
        `study.items + study.repeats` trials.
    """
    below = mulberry32(seed)
    trials = study.block(block)
    _shuffle(trials, below)
    half = len(trials) // 2
    late = [(trial, False) for trial in trials[half:]] + [(trial, True) for trial in trials[: study.repeats]]
    _shuffle(late, below)
    orders: dict[int, list[str]] = {}
    shown = []
    for trial, repeat in [(trial, False) for trial in trials[:half]] + late:
        if not repeat:
            orders[trial] = list(study.trials[trial][1])
            _shuffle(orders[trial], below)
        codes = reversed(orders[trial]) if repeat else orders[trial]
        shown.append(Shown(trial, tuple(codes), repeat))
    return shown


def mulberry32(seed: int) -> Callable[[int], int]:
    """Makes a random generator, Tommy Ettinger's mulberry32.

    Args:
        seed: 0 to 2^32 - 1.

    Returns:
        A function n -> a random whole number in [0, n), for n < 2^21.
    """
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
