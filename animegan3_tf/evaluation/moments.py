"""Mean and covariance of features that come in pieces."""

from __future__ import annotations

import numpy as np


class Moments:
    """Streaming mean [D] and covariance [D, D] in float64; memory does not grow with the number of pictures.

    Pieces are merged by the update of Chan, Golub & LeVeque (1979), which loses no digits where the mean is large
    against the spread, as sums of squares would.
    """

    def __init__(self, dimension: int):
        self.count = 0
        self.mean = np.zeros(dimension)
        self._scatter = np.zeros((dimension, dimension))

    def update(self, features: np.ndarray) -> Moments:
        """Takes in a piece [n, D]; returns itself."""
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
        """The unbiased covariance [D, D], divided by one less than the count."""
        if self.count < 2:
            raise ValueError(f"a covariance needs 2 pictures or more, got {self.count}")
        return self._scatter / (self.count - 1)


def moments_of(features: np.ndarray, rows: np.ndarray | None = None, piece: int = 4096) -> Moments:
    """The moments of features [N, D], or of some `rows` of them, read `piece` at a time: they may lie in a file."""
    moments = Moments(features.shape[1])
    for start in range(0, len(features) if rows is None else len(rows), piece):
        some = slice(start, start + piece)
        moments.update(features[some if rows is None else rows[some]])
    return moments
