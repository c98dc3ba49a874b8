"""How far an image moves the colour of a face's skin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from animegan3_tf.data.face_places import eye_distance, skin_places, window

_PATCH = 0.28  # side of a place's square, in distances between the eyes


def skin_shift(photo: np.ndarray, image: np.ndarray, landmarks: Sequence[Sequence[float]]) -> float:
    """Measures the colour difference of the skin between a photo and its image.

    At four places (both cheeks, the bridge of the nose, the forehead) the median Lab colours of a square of 0.28 eye
    distances are compared by CIEDE2000 (Sharma et al., 2005; scikit-image's).

    Args:
        photo: uint8 [H, W, 3].
        image: uint8 [H, W, 3], of the same size.
        landmarks: (x, y) of left eye, right eye, nose, left and right mouth corner, in pixels.

    Returns:
        The median of the four differences, CIEDE2000 units; NaN where no place lies in the image.
    """
    shifts = []
    side = _PATCH * eye_distance(landmarks)
    for place in skin_places(landmarks):
        first, second = (window(rgb, place, side, side / 2, side / 2) for rgb in (photo, image))
        if first.size:
            colors = [np.median(rgb2lab(patch).reshape(-1, 3), axis=0) for patch in (first, second)]
            shifts.append(float(deltaE_ciede2000(*colors)))
    return float(np.median(shifts)) if shifts else float("nan")
