"""A share with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animegan3_tf.evaluation.study.effective_size import effective_size
from animegan3_tf.evaluation.study.wilson import wilson_interval


@dataclass(frozen=True)
class Rate:
    """A share of `of` answers, with Wilson's 95 % interval for as many independent ones as they are worth."""

    share: float
    low: float
    high: float
    of: int
    effective: float

    @classmethod
    def measure(cls, values: np.ndarray, raters: np.ndarray) -> Rate | None:
        """The mean of values [M] in [0, 1], which the raters [M] gave; None without any."""
        if not len(values):
            return None
        share, effective = float(np.mean(values)), effective_size(values, raters)
        low, high = wilson_interval(share * effective, effective)
        return cls(share, float(low), float(high), len(values), effective)

    @classmethod
    def count(cls, rows: list[tuple[int, bool]]) -> Rate | None:
        """The share of yes among (rater, yes or no)."""
        raters, values = np.array(rows, float).reshape(-1, 2).T
        return cls.measure(values, raters)
