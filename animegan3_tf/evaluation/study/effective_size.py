"""How many independent answers a sample is worth, when each person gave several."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit


def effective_size(values, raters, confidence=0.95):
    """The effective sample size for a share's interval (Korn and Graubard 1998, with their degrees-of-freedom factor).

    values: float [M] in [0, 1], the answers whose mean is the share. raters: int [M], who gave them.
    Answers of one rater hang together, and so do the pairs of one ranking: the variance between raters tells how much.
    Returns at most M; M itself where there is nothing to tell it from: one rater, no variance, a share of 0 or 1.
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
