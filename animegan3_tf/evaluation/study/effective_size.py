"""The number of independent answers that a sample is worth where each person gave several."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit


def effective_size(
    values: Sequence[float] | np.ndarray, raters: Sequence[float] | np.ndarray, confidence: float = 0.95
) -> float:
    """Computes the effective sample size of a share (Korn and Graubard 1998, with their degrees-of-freedom factor).

    The answers of one rater are correlated, and so are the pairs of one ranking. The variance between raters shows how
    much.

    Args:
        values: The answers, float [M] in [0, 1]; their mean is the share.
        raters: Numbers [M] of the raters who gave them.
        confidence: The confidence of the interval that the size is for.

    Returns:
        At most M. M itself where it cannot be estimated: for one rater, no variance, or a share of 0 or 1.
    """
    values = np.asarray(values, float)
    clusters = np.unique(raters, return_inverse=True)[1]
    count, share = int(clusters.max()) + 1, values.mean()
    between = (np.bincount(clusters, values - share) ** 2).sum()
    if count == 1 or between < 1e-12 or share in (0.0, 1.0):
        return float(len(values))
    variance = count / (count - 1) * between / len(values) ** 2
    at = (1 + confidence) / 2
    shrink = (NormalDist().inv_cdf(at) / stdtrit(count - 1, at)) ** 2
    return float(min(len(values), share * (1 - share) / variance * shrink))
