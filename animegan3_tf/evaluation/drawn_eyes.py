"""Whether a picture of a face still shows both eyes: told by the dark shapes at the photo's eyes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from animegan3_tf import images
from animegan3_tf.data.face_places import eye_distance, window

SIDE = 384  # pixels of the square in which the shares below were found
_DARK = 0.5  # of the upper quartile of the grey around
_LEAST, _MOST = 0.10, 0.70  # share of dark pixels in the window of an eye
_BALANCE = 0.45  # the smaller share over the larger
_SOLID = 0.03  # share that is left after one erosion


def both_eyes_drawn(picture: np.ndarray, landmarks: Sequence[Sequence[float]]) -> bool:
    """Tells whether both eyes were drawn, not whether they are anime: that takes a look.

    In a window of 0.48 x 0.38 eye distances around each eye (0.17 above, 0.21 below), the share of pixels darker than
    half the 75th percentile of the grey around (0.76 x 0.73) must lie between 0.10 and 0.70, the smaller share must be
    at least 0.45 of the larger, and at least 0.03 must survive a 3x3 erosion. Of untouched photos about 72 % pass:
    sunglasses, profiles and deep shade do not.

    Args:
        picture: uint8 [H, W, 3], a face that fills a square; scaled to 384 first.
        landmarks: (x, y) of the photo's left eye (the viewer's), right eye and more, in pixels of the picture.

    Returns:
        True where both eyes are there.
    """
    height, width = picture.shape[:2]
    scale = np.array([SIDE / width, SIDE / height])
    grey = cv2.cvtColor(images.resize(picture, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY)
    points = np.asarray(landmarks, float)[:2] * scale
    distance = eye_distance(points)
    shares, solid = [], []
    for center in points:
        around = window(grey, center, 0.76 * distance, 0.365 * distance, 0.365 * distance)
        eye = window(grey, center, 0.48 * distance, 0.17 * distance, 0.21 * distance)
        if not eye.size:
            return False
        dark = (eye < _DARK * np.percentile(around, 75)).astype(np.uint8)
        # what lies outside the window must not hold a thin line together
        left = cv2.erode(dark, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        shares.append(float(dark.mean()))
        solid.append(float(left.mean()))
    balanced = min(shares) >= _BALANCE * max(shares)
    return all(_LEAST <= share <= _MOST for share in shares) and balanced and min(solid) >= _SOLID
