"""How far an exported file's pictures may be from the Keras model's, and how far they are."""

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
    """Pictures against the model's: differences of values in [-1, 1] and PSNR (dB, peak 2) over all of them.

    worst: the number of the picture that is furthest off, and its own PSNR. PSNR is infinite where nothing differs.
    """

    max_difference: float
    mean_difference: float
    psnr: float
    worst: int
    worst_psnr: float

    def over(self, limits: dict[str, float]) -> str | None:
        """What is beyond its limit, in words; None when nothing is. A NaN is beyond every limit."""
        limit = limits.get("max_difference")
        if limit is not None and not self.max_difference <= limit:
            return f"by {self.max_difference:.1e}, over the limit of {limit:.0e}"
        limit = limits.get("psnr")
        if limit is not None and not self.psnr >= limit:
            return f"at {self.psnr:.1f} dB PSNR, under the limit of {limit:.0f}"
        return None

    def __str__(self):
        return f"max {self.max_difference:.1e}  mean {self.mean_difference:.1e}  PSNR {self.psnr:.1f} dB"


def compare(expected: np.ndarray, pictures: np.ndarray) -> Comparison:
    """Compares float arrays [N, H, W, 3] in [-1, 1]."""
    difference = np.abs(pictures.astype(np.float64) - expected)
    errors = np.mean(np.square(difference), axis=(1, 2, 3))
    worst = int(np.argmax(errors))  # a NaN is the largest of all
    return Comparison(
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        psnr=_psnr(errors.mean()),
        worst=worst,
        worst_psnr=_psnr(errors[worst]),
    )


def _psnr(mean_square):
    return math.inf if mean_square == 0 else 10 * math.log10(4.0 / mean_square)
