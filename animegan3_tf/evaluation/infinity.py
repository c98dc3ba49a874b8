"""The Frechet distance that infinitely many generated pictures would have."""

from __future__ import annotations

import numpy as np

from animegan3_tf.evaluation.frechet import frechet_of_gaussians
from animegan3_tf.evaluation.moments import moments_of

POINTS = 15


def least_pictures(dimension: int) -> int:
    """Generated pictures from which an extrapolation means anything: the smallest part still spans all dimensions."""
    return 2 * (dimension + 1)


def frechet_at_infinity(generated: np.ndarray, reference: np.ndarray, seed: int = 0) -> float:
    """FID-infinity of Chong & Forsyth (2020): the bias of the generated pictures' number is taken out.

    generated, reference: features [N, D] and [M, D]. Frechet distances of 15 random parts of the generated set, of
    evenly spaced sizes from N / 10 (but at least D + 1) to N, against the whole reference, are fitted by a line in
    1 / size; its value at 0 is returned. The authors' code does the same with 5,000 to 50,000 pictures. The bias of a
    small reference set stays in the number.
    """
    count, dimension = generated.shape
    if count < least_pictures(dimension):
        raise ValueError(f"{count} pictures are too few; {least_pictures(dimension)} of {dimension} features at least")
    rng = np.random.default_rng(seed)
    sizes = np.linspace(max(count // 10, dimension + 1), count, POINTS).astype(int)
    whole = moments_of(reference)

    def distance(size):  # by moments, not by copies of the rows, which may be many
        part = moments_of(generated, np.sort(rng.permutation(count)[:size]))
        return frechet_of_gaussians(part.mean, part.covariance, whole.mean, whole.covariance)

    distances = [distance(size) for size in sizes]
    _, at_zero = np.polyfit(1.0 / sizes, distances, 1)
    return float(at_zero)
