"""The statistics of a study: Bradley-Terry scores, Fleiss' kappa, and rates with Wilson intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit  # not scipy.stats, which takes a second to import

_STEPS = 100  # Newton needs about six


@dataclass(frozen=True)
class MethodScores:
    """The scores of n methods.

    Attributes:
        values: Log-odds [n] that sum to 0.
        low: The lower ends of their intervals [n]; see `bradley_terry`.
        high: The upper ends [n].
        tie: Davidson's nu; 0 without ties.
        stabilised: Whether half a win was added each way for each pair, because no finite scores existed.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tie: float
    stabilised: bool


def bradley_terry(
    first: Sequence[int] | np.ndarray,
    second: Sequence[int] | np.ndarray,
    outcome: Sequence[int] | np.ndarray,
    raters: Sequence[int] | np.ndarray,
    methods: int,
    confidence: float = 0.95,
) -> MethodScores:
    """Fits maximum-likelihood scores, with intervals that hold for all methods together.

    With d = s_first - s_second, wins, losses and ties have odds exp(d/2) : exp(-d/2) : nu (Davidson 1970, eq. 2.4);
    without ties this is Bradley and Terry (1952). A tie is thus an outcome of its own, and is evidence that two
    methods are close.

    Standard errors are the larger of those from the information matrix and from the sandwich estimator with one
    cluster for each rater (Liang and Zeger 1986), because the answers of one person, and the pairs of one ranking, are
    correlated. Quantiles are Student's t with raters - 1 degrees of freedom (normal for one rater), at Sidak's level
    1 - (1 - confidence)^(1/n), so that all n intervals cover together with at least that confidence.

    Where the wins do not lead from every method to every other (Ford 1957), no finite scores exist. Then half a win is
    added each way for every pair of methods.

    Args:
        first: The first method of each comparison, int [M] in [0, methods).
        second: The second method, int [M].
        outcome: int [M]: 1 where the first won, -1 where the second won, 0 for a tie.
        raters: The rater of each comparison, int [M].
        methods: The number of methods, n.
        confidence: Between 0 and 1.
    """
    first, second, outcome = (np.asarray(values, int) for values in (first, second, outcome))
    clusters = np.unique(np.asarray(raters), return_inverse=True)[1]
    count = int(clusters.max()) + 1
    weights = np.ones(len(first))
    stabilised = not _connected(first, second, outcome, methods)
    if stabilised:
        i, j = np.nonzero(~np.eye(methods, dtype=bool))  # every pair, each way
        first, second, outcome = (np.append(a, b) for a, b in ((first, i), (second, j), (outcome, np.ones_like(i))))
        weights = np.append(weights, np.full(len(i), 0.5))
        clusters = np.append(clusters, np.full(len(i), -1))  # nobody's
    ties = bool((outcome == 0).any())
    design = np.zeros((len(first), methods))
    rows = np.arange(len(first))
    design[rows, first], design[rows, second] = 1.0, -1.0

    scores, log_tie = np.zeros(methods), 0.0
    for _ in range(_STEPS):
        gradient, information = _derivatives(design, outcome, weights, scores, log_tie, ties)
        step = np.linalg.solve(_pinned(information, methods), gradient.sum(0))
        step *= min(1.0, 2.0 / np.abs(step).max(initial=1e-300))  # far from the optimum Newton overshoots
        scores, log_tie = scores + step[:methods], log_tie + (step[methods] if ties else 0.0)
        if np.abs(step).max() < 1e-10:
            break
    gradient, information = _derivatives(design, outcome, weights, scores, log_tie, ties)
    inverse = np.linalg.inv(_pinned(information, methods))
    # pinning fixes the sum of the scores, on which the data have no say: its direction leaves the variances again
    center = np.eye(len(inverse))
    center[:methods, :methods] -= 1 / methods
    variances = np.diag(center @ inverse @ center.T)[:methods]
    quantile_at = (1 + confidence ** (1 / methods)) / 2
    if count > 1:
        sums = np.zeros((count, gradient.shape[1]))
        np.add.at(sums, clusters[clusters >= 0], gradient[clusters >= 0])
        sums -= sums.mean(0)
        meat = sums.T @ sums * count / (count - 1)
        variances = np.maximum(variances, np.diag(center @ inverse @ meat @ inverse @ center.T)[:methods])
        quantile = stdtrit(count - 1, quantile_at)
    else:
        quantile = NormalDist().inv_cdf(quantile_at)
    values, half = scores - scores.mean(), quantile * np.sqrt(variances)
    return MethodScores(values, values - half, values + half, float(np.exp(log_tie)) if ties else 0.0, stabilised)


def _derivatives(
    design: np.ndarray, outcome: np.ndarray, weights: np.ndarray, scores: np.ndarray, log_tie: float, ties: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Each comparison's gradient [M, p] of the log-likelihood, and the information matrix [p, p].

    p is n, or n + 1 with ties. The log-odds are linear in (s, log nu), so that observed and expected information are
    the same.
    """
    half = design @ scores / 2
    logits = np.stack([half, -half, np.full_like(half, log_tie if ties else -np.inf)], 1)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    win, loss, tie = (odds / odds.sum(1, keepdims=True)).T
    mean = (win - loss) / 2
    residual = weights * (outcome / 2 - mean)
    spread = weights * ((win + loss) / 4 - mean**2)
    gradient, information = residual[:, None] * design, design.T @ (spread[:, None] * design)
    if not ties:
        return gradient, information
    tied = weights * ((outcome == 0) - tie)
    cross = design.T @ (weights * -mean * tie)
    corner = (weights * tie * (1 - tie)).sum()
    return np.column_stack([gradient, tied]), np.block([[information, cross[:, None]], [cross[None], corner]])


def _pinned(information: np.ndarray, methods: int) -> np.ndarray:
    """The information matrix with the sum of the scores held at 0, which makes it invertible."""
    pinned = information.copy()
    pinned[:methods, :methods] += 1.0
    return pinned


def _connected(first: np.ndarray, second: np.ndarray, outcome: np.ndarray, methods: int) -> bool:
    """Whether wins lead from every method to every other, directly or over further methods."""
    beats = np.eye(methods, dtype=bool)
    beats[first[outcome > 0], second[outcome > 0]] = True
    beats[second[outcome < 0], first[outcome < 0]] = True
    for _ in range(methods.bit_length()):
        beats = (beats.astype(int) @ beats) > 0
    return bool(beats.all())


def fleiss_kappa(counts: Sequence[Sequence[int]] | np.ndarray) -> float | None:
    """Computes Fleiss' kappa (Fleiss 1971, eqs. 1-7), also for subjects with different numbers of raters.

    With unequal numbers, the observed agreement is the share of pairs of raters of one subject that agree, all pairs
    with the same weight. Equal numbers give Fleiss' own value.

    Args:
        counts: [subjects, categories]: how many raters put the subject into the category. Subjects with fewer than two
            raters are left out, since nobody can agree or disagree there.

    Returns:
        1 for full agreement, 0 for the agreement of chance. None where no subject has two raters, or where all answers
        fall into one category, for chance would agree fully too.
    """
    table = np.asarray(counts, float)
    raters = table.sum(1)
    table, raters = table[raters >= 2], raters[raters >= 2]
    if not len(table):
        return None
    observed = (table * (table - 1)).sum() / (raters * (raters - 1)).sum()
    chance = ((table.sum(0) / table.sum()) ** 2).sum()
    return None if chance > 1 - 1e-12 else float((observed - chance) / (1 - chance))


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
