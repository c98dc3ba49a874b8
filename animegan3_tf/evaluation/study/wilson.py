"""Wilson's interval for a share."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np


def wilson_interval(
    successes: float | Sequence[float] | np.ndarray,
    trials: float | Sequence[float] | np.ndarray,
    confidence: float = 0.95,
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the score interval of a share, without continuity correction.

    Wilson (1927); eq. 4 of Brown, Cai and DasGupta (2001).

    Args:
        successes: 0 <= successes <= trials; a tie may count as half a success.
        trials: Independent trials, of the same shape. Where they are not independent, give the number of independent
            ones that they are worth.
        confidence: Between 0 and 1.

    Returns:
        (low, high), float arrays of that shape in [0, 1]; (0, 1) where there was no trial.
    """
    successes, trials = np.asarray(successes, float), np.asarray(trials, float)
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    center = successes + z2 / 2
    half = np.sqrt(z2 * (successes * (trials - successes) / np.maximum(trials, 1) + z2 / 4))
    return np.maximum((center - half) / (trials + z2), 0.0), np.minimum((center + half) / (trials + z2), 1.0)
