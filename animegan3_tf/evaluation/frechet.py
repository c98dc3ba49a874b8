"""The Frechet distance of two sets of features, which Heusel et al. (2017) call FID for features of InceptionV3."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from animegan3_tf.evaluation.moments import moments_of


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Computes |mean_a - mean_b|^2 + Tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Heusel et al. 2017, eq. 6).

    Covariances are unbiased. Agrees with TF-GAN's `frechet_classifier_distance_from_activations` within 1e-4, and with
    clean-fid and pytorch-fid by definition. With few images it is too large, by an amount proportional to 1 / N.

    Args:
        a: Features [N, D], two rows or more, in any order.
        b: Features [M, D], two rows or more, in any order.

    Returns:
        The distance, 0 or more.

    Raises:
        ValueError: The shapes do not fit.
    """
    a, b = _checked(a, b)
    if min(len(a), len(b)) < a.shape[1]:
        return _from_few(a, b)
    first, second = moments_of(a), moments_of(b)
    return frechet_of_gaussians(first.mean, first.covariance, second.mean, second.covariance)


def frechet_of_gaussians(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """Computes the Frechet distance of two Gaussians; see `frechet_distance`.

    The trace of (A B)^(1/2) is the sum of the roots of the eigenvalues of A^(1/2) B A^(1/2), which is symmetric. A
    general matrix root of A B fails on covariances without full rank, and SciPy's no longer returns its error.

    Args:
        mean_a: [D].
        covariance_a: [D, D].
        mean_b: [D].
        covariance_b: [D, D].

    Returns:
        The distance, 0 or more.
    """
    values, vectors = linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(_not_noise(values))) @ vectors.T
    common = np.sqrt(_not_noise(linalg.eigvalsh(root @ covariance_b @ root))).sum()
    return _assembled(mean_a, mean_b, np.trace(covariance_a) + np.trace(covariance_b), common)


def _from_few(a: np.ndarray, b: np.ndarray) -> float:
    """The distance for fewer rows than dimensions, where the covariances need not be built.

    With covariances A^T A and B^T B, the trace is the sum of the singular values of A B^T. A centred set divided by
    (N - 1)^(1/2) is such an A, and far smaller than its covariance.
    """
    (mean_a, a), (mean_b, b) = _mean_and_root(a), _mean_and_root(b)
    return _assembled(mean_a, mean_b, np.square(a).sum() + np.square(b).sum(), linalg.svdvals(a @ b.T).sum())


def _mean_and_root(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(x) > x.shape[1]:
        moments = moments_of(x)
        values, vectors = linalg.eigh(moments.covariance)
        return moments.mean, np.sqrt(_not_noise(values))[:, None] * vectors.T
    x = np.asarray(x, np.float64)
    mean = x.mean(axis=0)
    return mean, (x - mean) / np.sqrt(len(x) - 1)


def _assembled(mean_a: np.ndarray, mean_b: np.ndarray, traces: float, common: float) -> float:
    return max(0.0, float(np.square(mean_a - mean_b).sum() + traces - 2.0 * common))  # rounding may go below 0


def _not_noise(values: np.ndarray) -> np.ndarray:
    """Sets eigenvalues of a covariance that are rounding noise to 0: the roots of thousands of them would add up."""
    return np.where(values > len(values) * np.finfo(np.float64).eps * max(values.max(), 0.0), values, 0.0)


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asanyarray(a), np.asanyarray(b)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"features must be [N, D] and [M, D] with 2 rows or more, got {a.shape} and {b.shape}")
    return a, b
