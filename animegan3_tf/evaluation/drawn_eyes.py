"""Whether an image of a face still shows both eyes, by the dark shapes at the photo's eyes."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from animegan3_tf import images
from animegan3_tf.data.face_places import eye_distance, window

SIDE = 384  # pixels of the square for which the numbers below were chosen
_DARK = 0.5  # a dark pixel is below this share of the upper quartile of the grey around the eye
_LEAST, _MOST = 0.10, 0.70  # share of dark pixels in the window of an eye
_BALANCE = 0.45  # least ratio of the smaller share to the larger
_SOLID = 0.03  # least share that is left after one erosion


def both_eyes_drawn(image: np.ndarray, landmarks: Sequence[Sequence[float]]) -> bool:
    """Checks whether both eyes were drawn. It does not check whether they look like anime.

    In a window of 0.48 x 0.38 eye distances around each eye (0.17 above, 0.21 below), the share of pixels darker than
    half the 75th percentile of the grey around (0.76 x 0.73) must lie between 0.10 and 0.70, the smaller share must be
    at least 0.45 of the larger, and at least 0.03 must survive a 3x3 erosion. Of untouched photos about 72 % pass:
    sunglasses, profiles and deep shade do not.

    Args:
        image: uint8 [H, W, 3], a face that fills a square; it is scaled to 384 pixels first.
        landmarks: (x, y) of the photo's left eye (the viewer's left) and right eye, in pixels of the image; further
            points are ignored.

    Returns:
        True where both eyes are there.
    """
    height, width = image.shape[:2]
    scale = np.array([SIDE / width, SIDE / height])
    grey = cv2.cvtColor(images.resize(image, (SIDE, SIDE)), cv2.COLOR_RGB2GRAY)
    points = np.asarray(landmarks, float)[:2] * scale
    distance = eye_distance(points)
    shares, solid = [], []
    for center in points:
        around = window(grey, center, 0.76 * distance, 0.365 * distance, 0.365 * distance)
        eye = window(grey, center, 0.48 * distance, 0.17 * distance, 0.21 * distance)
        if not eye.size:
            return False
        dark = (eye < _DARK * np.percentile(around, 75)).astype(np.uint8)
        # pixels outside the window count as light, so that they do not save a thin line from the erosion
        left = cv2.erode(dark, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
        shares.append(float(dark.mean()))
        solid.append(float(np.mean(left)))
    balanced = min(shares) >= _BALANCE * max(shares)
    return all(_LEAST <= share <= _MOST for share in shares) and balanced and min(solid) >= _SOLID
