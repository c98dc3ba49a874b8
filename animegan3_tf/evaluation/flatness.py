"""How much of an image is flat colour, as much of anime is."""

from __future__ import annotations

import cv2
import numpy as np


def flatness(image: np.ndarray, tolerance: int = 6) -> float:
    """Computes the share of flat pixels, a definition of this project's own.

    Compare images of one size only: enlarging an image flattens it.

    Args:
        image: uint8 RGB [H, W, 3].
        tolerance: Levels of 255 by which a pixel's 3x3 neighbourhood may vary in each channel.

    Returns:
        The share, 0 to 1.
    """
    square = np.ones((3, 3), np.uint8)
    spread = np.subtract(cv2.dilate(image, square), cv2.erode(image, square)).max(axis=2)
    return float((spread <= tolerance).mean())
