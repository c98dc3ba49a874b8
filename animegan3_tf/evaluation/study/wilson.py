"""Wilson's interval for a share."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np


def wilson_interval(successes, trials, confidence=0.95):
    """The score interval of a share (Wilson 1927; eq. 4 of Brown, Cai and DasGupta 2001), no continuity correction.

    successes, trials: arrays of one shape, 0 <= successes <= trials; a success may count half (a tie). The trials are
    taken as independent; where they are not, give the number of independent ones they are worth.
    Returns (low, high), float arrays of that shape in [0, 1]; (0, 1) where there was no trial.
    """
    successes, trials = np.asarray(successes, float), np.asarray(trials, float)
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    center = successes + z2 / 2
    half = np.sqrt(z2 * (successes * (trials - successes) / np.maximum(trials, 1) + z2 / 4))
    return np.maximum((center - half) / (trials + z2), 0.0), np.minimum((center + half) / (trials + z2), 1.0)
