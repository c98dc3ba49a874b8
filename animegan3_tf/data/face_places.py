"""Places of a face by its landmarks, measured in distances between the eyes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def eye_distance(landmarks: Sequence[Sequence[float]] | np.ndarray) -> float:
    """Measures the distance between the eyes.

    Args:
        landmarks: (x, y) points that begin with the two eyes.

    Returns:
        The distance, in the unit of the points.
    """
    (left_x, left_y), (right_x, right_y) = landmarks[:2]
    return float(np.hypot(right_x - left_x, right_y - left_y))


def window(
    image: np.ndarray, center: Sequence[float] | np.ndarray, width: float, above: float, below: float
) -> np.ndarray:
    """Cuts a rectangle out of an image.

    Args:
        image: [H, W, ...].
        center: (x, y) in pixels, counted from the corners of pixels.
        width: Width of the rectangle in pixels, half on each side of the centre.
        above: Pixels above the centre.
        below: Pixels below it.

    Returns:
        The part of the rectangle that lies in the image, a view; empty where none does.
    """
    x, y = center
    rows = slice(max(0, round(y - above)), max(0, round(y + below)))
    columns = slice(max(0, round(x - width / 2)), max(0, round(x + width / 2)))
    return image[rows, columns]


def skin_places(landmarks: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Finds the four places of a face that show skin.

    Args:
        landmarks: (x, y) of left eye, right eye, nose, left and right mouth corner.

    Returns:
        Float [4, 2]: left cheek, right cheek (0.45 eye + 0.55 mouth corner), bridge of the nose (the nose minus 0.25
        eye distances), forehead (0.45 above the middle of the eyes), for an upright face.
    """
    left, right, nose, left_mouth, right_mouth = np.asarray(landmarks, float)[:5]
    distance = eye_distance(landmarks)
    return np.array(
        [
            0.45 * left + 0.55 * left_mouth,
            0.45 * right + 0.55 * right_mouth,
            nose - (0.0, 0.25 * distance),
            (left + right) / 2 - (0.0, 0.45 * distance),
        ]
    )
