"""Scores and their results with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Score:
    """A kind of score.

    Attributes:
        key: Its name in JSON and CSV.
        name: Its name in reports.
        better: "lower", "higher", or "" where neither is better.
        average: How images are averaged, "mean" or "median".
    """

    key: str
    name: str
    better: str
    average: str = "mean"


def is_wanted(metrics: Collection[str] | None, *keys: str) -> bool:
    """Whether one of the keys is among the metrics that are measured; None stands for all metrics."""
    return metrics is None or any(key in metrics for key in keys)


def score_row(kinds: Iterable[Score], scores: Mapping[str, np.ndarray], place: int) -> dict[str, float | None]:
    """Takes the scores of one image as plain values.

    Args:
        kinds: The kinds of scores.
        scores: {key of a kind: [N]}; NaN where there is no number.
        place: The image's place in these arrays.

    Returns:
        {key of a kind: number}; None where there is none.
    """
    values = {kind.key: float(scores[kind.key][place]) for kind in kinds}
    return {key: value if math.isfinite(value) else None for key, value in values.items()}


LEVEL = 0.95


def bootstrap_interval(
    estimate: float,
    statistic: Callable[..., float],
    samples: Sequence[np.ndarray],
    replicates: int,
    seed: int = 0,
    most: int = 5000,
) -> tuple[float, float] | None:
    """Computes the 95 % interval around an estimate by resampling with replacement.

    Replicates are compared with their own mean, not with the estimate: images drawn twice make every Frechet distance
    too large, by more than the interval's width. The interval shows how far another sample of images would move the
    number. It does not show the bias of small samples.

    Args:
        estimate: The statistic of the samples themselves.
        statistic: A function of as many arrays as there are samples.
        samples: Arrays [N, ...] whose rows are drawn anew for every replicate, each array on its own.
        replicates: The number of resamplings; 0 for no interval.
        seed: The seed of the resampling.
        most: Rows drawn from a larger sample, which bounds time and memory. The deviations are then scaled by the root
            of the ratio of the numbers (the m-out-of-n bootstrap).

    Returns:
        (low, high), or None.
    """
    if not replicates:
        return None
    rng = np.random.default_rng(seed)
    numbers = [min(len(sample), most) for sample in samples]
    values = np.array(
        [
            statistic(*(sample[np.sort(rng.integers(0, len(sample), n))] for sample, n in zip(samples, numbers)))
            for _ in range(replicates)
        ]
    )
    shrink = np.sqrt(max(n / len(sample) for sample, n in zip(samples, numbers)))
    tail = 50.0 * (1.0 - LEVEL)
    low, high = np.percentile(values - values.mean(), [tail, 100.0 - tail]) * shrink
    return float(estimate + low), float(estimate + high)


@dataclass(frozen=True)
class Result:
    """A metric's value.

    Attributes:
        key: The metric's name in JSON and CSV.
        name: The metric's name in reports, with its network.
        value: The number; None where it would mean nothing.
        interval: The 95 % interval (low, high), if any.
        better: "lower", "higher", or "" where neither is better.
        count: The number of images that it was measured on, in words.
        note: Why there is no value; beside a value, a caution.
    """

    key: str
    name: str
    value: float | None
    interval: tuple[float, float] | None
    better: str
    count: str
    note: str = ""

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        low, high = self.interval or (None, None)
        about = {"better": self.better, "count": self.count, "note": self.note}
        return {"key": self.key, "name": self.name, "value": self.value, "low": low, "high": high, **about}
