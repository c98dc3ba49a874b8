"""Confidence intervals by resampling the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

LEVEL = 0.95


def bootstrap_interval(
    estimate: float,
    statistic: Callable[..., float],
    samples: Sequence[np.ndarray],
    replicates: int,
    seed: int = 0,
    most: int = 5000,
) -> tuple[float, float]:
    """The 95 % interval (low, high) around an estimate, from `replicates` resamplings with replacement.

    statistic: of as many arrays as `samples` has; the rows of each are drawn anew for every replicate.
    most: rows drawn of a larger sample; the deviations are then scaled down as the root of the numbers, which bounds
        time and memory (the m-out-of-n bootstrap).

    Replicates are compared with their own mean, not with the estimate: pictures drawn twice make every Frechet distance
    too large, by more than the interval is wide. The interval tells how far another draw of pictures would move the
    number; the bias that too few pictures give it is none of its business.
    """
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
