"""Mean and covariance of features that arrive in pieces."""

from __future__ import annotations

import numpy as np


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
