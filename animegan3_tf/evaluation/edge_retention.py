"""How much of a photo's drawing survives."""

from __future__ import annotations

import cv2
import numpy as np


def edge_retention(photo: np.ndarray, picture: np.ndarray, reach: int = 2) -> float | None:
    """Share of the photo's edge pixels that have an edge of the picture within `reach` pixels, 0 to 1.

    photo, picture: uint8 RGB [H, W, 3] of one size. Edges are OpenCV's Canny with thresholds 100 and 200, those the
    lineage smooths anime with. New lines cost nothing: drawing them is the point. None for a photo without edges.
    """
    wanted, found = (cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 100, 200) for image in (photo, picture))
    count = np.count_nonzero(wanted)
    if not count:
        return None
    near = cv2.dilate(found, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return float(np.count_nonzero(wanted & near) / count)
