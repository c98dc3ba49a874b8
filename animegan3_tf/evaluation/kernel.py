"""The kernel distance of two sets of features, which Binkowski et al. (2018) call KID where InceptionV3 makes them."""

from __future__ import annotations

import numpy as np

_PIECE = 2048  # rows of a kernel matrix held at a time


def kernel_distance(a: np.ndarray, b: np.ndarray, unbiased: bool = True) -> float:
    """Squared maximum mean discrepancy with the kernel (x . y / D + 1)^3.

    a, b: [N, D] and [M, D]; the order of the rows does not matter, and memory does not grow with N.
    unbiased: leave each picture's kernel with itself out; the mean over samples is then right at every N, and values
        may lie below 0.
    Agrees with TF-GAN's `kernel_classifier_distance_from_activations` within 1e-4 where that uses one block (up to
    1,024 rows); with more, TF-GAN and clean-fid average over blocks or subsets of about 1,000, with the same mean.
    """
    a, b = np.asanyarray(a), np.asanyarray(b)
    least = 2 if unbiased else 1
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        raise ValueError(f"features must be [N, D] and [M, D] with {least} rows or more, got {a.shape} and {b.shape}")
    return float(_within(a, unbiased) + _within(b, unbiased) - 2.0 * _sum(a, b) / (len(a) * len(b)))


def _within(x, unbiased):
    if not unbiased:
        return _sum(x, x) / len(x) ** 2
    own = sum(_kernel(np.square(piece).sum(axis=1), x.shape[1]).sum() for piece in _pieces(x))
    return (_sum(x, x) - own) / (len(x) * (len(x) - 1))


def _sum(x, y):
    return sum(_kernel(rows @ columns.T, x.shape[1]).sum() for rows in _pieces(x) for columns in _pieces(y))


def _kernel(products, dimension):
    return (products / dimension + 1.0) ** 3


def _pieces(x):
    for start in range(0, len(x), _PIECE):
        yield np.asarray(x[start : start + _PIECE], np.float64)
