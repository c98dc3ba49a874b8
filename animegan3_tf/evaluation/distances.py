"""Distances of two sets of features: Frechet, kernel, at infinitely many images, and ArtFID."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy import linalg

from animegan3_tf.evaluation.result import Score


class Moments:
    """A streaming mean and covariance in float64. Memory does not grow with the number of images.

    Pieces are merged by the update of Chan, Golub & LeVeque (1979). Unlike sums of squares, it loses no digits where
    the mean is much larger than the spread.

    Args:
        dimension: D, the number of features.

    Attributes:
        count: Rows so far.
        mean: [D].
    """

    def __init__(self, dimension: int) -> None:
        self.count = 0
        self.mean = np.zeros(dimension)
        self._scatter = np.zeros((dimension, dimension))

    def update(self, features: np.ndarray) -> Moments:
        """Adds a piece [n, D] and returns itself."""
        features = np.asarray(features, np.float64)
        number = len(features)
        if number:
            mean = features.mean(axis=0)
            centred, shift = features - mean, mean - self.mean
            share = self.count * number / (self.count + number)
            self._scatter += centred.T @ centred + share * np.outer(shift, shift)
            self.count += number
            self.mean += shift * (number / self.count)
        return self

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance [D, D], with the divisor count - 1.

        Raises:
            ValueError: There are fewer than 2 rows.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs 2 images or more, got {self.count}")
        return self._scatter / (self.count - 1)


def moments_of(features: np.ndarray, rows: np.ndarray | None = None, piece: int = 4096) -> Moments:
    """Computes the moments of features.

    Args:
        features: [N, D], possibly mapped from a file.
        rows: Indices of the rows to use; all without them.
        piece: Rows to read at a time.
    """
    moments = Moments(features.shape[1])
    for start in range(0, len(features) if rows is None else len(rows), piece):
        some = slice(start, start + piece)
        moments.update(features[some if rows is None else rows[some]])
    return moments


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


def _checked(a: np.ndarray, b: np.ndarray, least: int = 2) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asanyarray(a), np.asanyarray(b)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < least:
        raise ValueError(f"features must be [N, D] and [M, D] with {least} rows or more, got {a.shape} and {b.shape}")
    return a, b


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

    return float(np.polyfit(1.0 / sizes, [distance(size) for size in sizes], 1)[1])


_PIECE = 2048  # rows of a kernel matrix held at a time


def kernel_distance(a: np.ndarray, b: np.ndarray, unbiased: bool = True) -> float:
    """Computes the squared maximum mean discrepancy with the kernel (x . y / D + 1)^3 (Binkowski et al. 2018).

    Memory does not grow with the number of rows. Agrees with TF-GAN's `kernel_classifier_distance_from_activations`
    within 1e-4 where that uses one block (up to 1,024 rows). With more, TF-GAN and clean-fid average over blocks or
    subsets of about 1,000 rows, with the same mean.

    Args:
        a: Features [N, D], in any order; two rows or more, or one where `unbiased` is False.
        b: Features [M, D], likewise.
        unbiased: Whether to leave out each image's kernel with itself. The expectation is then the same for every N,
            and values may lie below 0.

    Raises:
        ValueError: The shapes do not fit.
    """
    a, b = _checked(a, b, least=2 if unbiased else 1)
    return float(_within(a, unbiased) + _within(b, unbiased) - 2.0 * _sum(a, b) / (len(a) * len(b)))


def _within(x: np.ndarray, unbiased: bool) -> float:
    if not unbiased:
        return _sum(x, x) / len(x) ** 2
    own = sum(_kernel(np.square(piece).sum(axis=1), x.shape[1]).sum() for piece in _pieces(x))
    return (_sum(x, x) - own) / (len(x) * (len(x) - 1))


def _sum(x: np.ndarray, y: np.ndarray) -> float:
    return sum(_kernel(rows @ columns.T, x.shape[1]).sum() for rows in _pieces(x) for columns in _pieces(y))


def _kernel(products: np.ndarray, dimension: int) -> np.ndarray:
    return (products / dimension + 1.0) ** 3


def _pieces(x: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(x), _PIECE):
        yield np.asarray(x[start : start + _PIECE], np.float64)


def artfid(content_distance: float, style_distance: float) -> float:
    """Computes (1 + content distance) (1 + style distance), Wright & Ommer (2022), eq. 3.

    The paper measures FID in an InceptionV3 fine-tuned on paintings. With other networks the form is the same and the
    scale is not.

    Args:
        content_distance: LPIPS between photos and images, 0 or more.
        style_distance: FID between images and style images, 0 or more.

    Returns:
        1 or more; lower is better.
    """
    return (1.0 + content_distance) * (1.0 + style_distance)


FRECHET, KERNEL = Score("frechet", "Frechet distance", "lower"), Score("kernel", "kernel distance", "lower")
# a score and its function of generated and reference features; see `metrics.register_metric`
SET_SCORES: dict[Score, Callable[..., float]] = {FRECHET: frechet_distance, KERNEL: kernel_distance}
