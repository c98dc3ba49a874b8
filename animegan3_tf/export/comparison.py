"""Measures how far an exported file's images are from the Keras model's, and holds the limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# {precision: {measure: limit}}; differences of values in [-1, 1]
LIMITS = {
    "saved_model": {"max_difference": 1e-5},
    "float32": {"max_difference": 1e-4},
    "float16": {"max_difference": 5e-3},
    "dynamic": {"psnr": 35.0},
    "int8": {"psnr": 30.0},
    "int8_uint8io": {"psnr": 30.0},
}


@dataclass(frozen=True)
class Comparison:
    """Differences between an exported file's images and the Keras model's, of values in [-1, 1].

    Attributes:
        max_difference: Largest absolute difference.
        mean_difference: Mean absolute difference.
        psnr: PSNR over all images in dB, for a peak of 2; infinite where nothing differs.
        worst: Index of the image with the largest mean square difference.
        worst_psnr: That image's PSNR.
    """

    max_difference: float
    mean_difference: float
    psnr: float
    worst: int
    worst_psnr: float

    def over(self, limits: dict[str, float]) -> str | None:
        """Checks the differences against limits.

        Args:
            limits: One entry of `LIMITS`: "max_difference" or "psnr" and its value.

        Returns:
            The first excess as text for an error message; None within the limits. A NaN is over every limit.
        """
        limit = limits.get("max_difference")
        if limit is not None and not self.max_difference <= limit:
            return f"by {self.max_difference:.1e}, over the limit of {limit:.0e}"
        limit = limits.get("psnr")
        if limit is not None and not self.psnr >= limit:
            return f"at {self.psnr:.1f} dB PSNR, under the limit of {limit:.0f}"
        return None

    def __str__(self) -> str:
        return f"max {self.max_difference:.1e}  mean {self.mean_difference:.1e}  PSNR {self.psnr:.1f} dB"


def compare(expected: np.ndarray, images: np.ndarray) -> Comparison:
    """Compares a file's images with the Keras model's, both float [N, H, W, 3] in [-1, 1]."""
    difference = np.abs(images.astype(np.float64) - expected)
    errors = np.mean(np.square(difference), axis=(1, 2, 3))
    worst = int(np.argmax(errors))  # a NaN is the largest of all
    return Comparison(
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        psnr=_psnr(errors.mean()),
        worst=worst,
        worst_psnr=_psnr(errors[worst]),
    )


def _psnr(mean_square: float) -> float:
    return math.inf if mean_square == 0 else 10 * math.log10(4.0 / mean_square)
