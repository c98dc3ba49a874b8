"""The Frechet distance that infinitely many generated images would have."""

from __future__ import annotations

import numpy as np

from animegan3_tf.evaluation.frechet import frechet_of_gaussians
from animegan3_tf.evaluation.moments import moments_of

POINTS = 15  # distances that the line is fitted to


def least_images(dimension: int) -> int:
    """The number of images from which on the smallest subset still spans all dimensions of the features."""
    return 2 * (dimension + 1)


def frechet_at_infinity(generated: np.ndarray, reference: np.ndarray, seed: int = 0) -> float:
    """Computes FID-infinity (Chong & Forsyth 2020), which removes the bias from the number of generated images.

    The Frechet distances of 15 random subsets of the generated images to the whole reference are fitted by a line in
    1 / size. The sizes are evenly spaced from N / 10 (but at least D + 1) to N. The authors' code does the same with
    5,000 to 50,000 images. The bias of a small reference remains.

    Args:
        generated: Features [N, D], N at least `least_images(D)`.
        reference: Features [M, D].
        seed: The seed of the subsets.

    Returns:
        The line's value at 1 / size = 0, which may be below 0.

    Raises:
        ValueError: N is too small.
    """
    count, dimension = generated.shape
    if count < least_images(dimension):
        raise ValueError(f"{count} images are too few; {dimension} features need {least_images(dimension)} or more")
    rng = np.random.default_rng(seed)
    sizes = np.linspace(max(count // 10, dimension + 1), count, POINTS).astype(int)
    whole = moments_of(reference)

    def distance(size: int) -> float:  # from moments, so that the rows, which may be many, are not copied
        part = moments_of(generated, np.sort(rng.permutation(count)[:size]))
        return frechet_of_gaussians(part.mean, part.covariance, whole.mean, whole.covariance)

    distances = [distance(size) for size in sizes]
    _, at_zero = np.polyfit(1.0 / sizes, distances, 1)
    return float(at_zero)
