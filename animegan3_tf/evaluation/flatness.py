"""How much of a picture is flat colour, as anime is."""

from __future__ import annotations

import cv2
import numpy as np


def flatness(picture: np.ndarray, tolerance: int = 6) -> float:
    """Share of pixels whose 3x3 surroundings differ by no more than `tolerance` of 255 in any channel, 0 to 1.

    picture: uint8 RGB [H, W, 3]. Own definition, for want of a usual one: compare numbers at one size of pictures only,
    since enlarging flattens.
    """
    square = np.ones((3, 3), np.uint8)
    spread = (cv2.dilate(picture, square) - cv2.erode(picture, square)).max(axis=2)
    return float((spread <= tolerance).mean())
