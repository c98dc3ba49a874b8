"""A share with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animegan3_tf.evaluation.study.effective_size import effective_size
from animegan3_tf.evaluation.study.wilson import wilson_interval


@dataclass(frozen=True)
class Rate:
    """A share of answers with its 95 % interval.

    Attributes:
        share: 0 to 1.
        low: The lower end of Wilson's interval at the effective number of answers.
        high: The upper end.
        of: The number of answers.
        effective: The number of independent answers that they are worth; see `effective_size`.
    """

    share: float
    low: float
    high: float
    of: int
    effective: float

    @classmethod
    def measure(cls, values: np.ndarray, raters: np.ndarray) -> Rate | None:
        """Computes the mean of answers.

        Args:
            values: The answers, [M] in [0, 1].
            raters: Numbers [M] of the raters who gave them.

        Returns:
            The rate; None without answers.
        """
        if not len(values):
            return None
        share, effective = float(np.mean(values)), effective_size(values, raters)
        low, high = wilson_interval(share * effective, effective)
        return cls(share, float(low), float(high), len(values), effective)

    @classmethod
    def count(cls, rows: list[tuple[int, bool]]) -> Rate | None:
        """The share of True among rows (rater, answer); None without rows."""
        raters, values = np.array(rows, float).reshape(-1, 2).T
        return cls.measure(values, raters)
