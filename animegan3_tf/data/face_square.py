"""The square of a photo around a face that a teacher draws: inside the photo, framed by the eyes, levelled."""

from __future__ import annotations

import math

import numpy as np

from animegan3_tf.data.face import Face
from animegan3_tf.data.face_align import tilt

LEAST_SIDE, MOST_SIDE = 3.5, 4.8  # of the square, in distances between the eyes
BOX_SHARE = 1.35  # the square is at least so many times as wide as the face's box
MOST_TURN = math.radians(25.0)  # by which the square is turned to level the eyes
SMALLEST_FACE, LARGEST_FACE = 0.16, 0.42  # distance between the eyes over the square's side
EYES_ABOVE = 0.3  # of the square's middle, in distances between the eyes: chin and hair both fit
_TURNS = (1.0, 0.75, 0.5, 0.25, 0.0)  # shares of the full turn, tried until the square fits into the photo
_OFF_CENTER = 0.2  # of the side: how far the square may move to stay inside the photo


def face_square(face: Face, photo_hw: tuple[int, int], size: int, wanted: float = 4.2) -> np.ndarray | str:
    """Chooses the square around a face.

    Args:
        face: The face, with its eyes as the first two landmarks, in pixels of the photo.
        photo_hw: Height and width of the photo in pixels.
        size: Side of the result in pixels.
        wanted: Side of the square in distances between the eyes, from `LEAST_SIDE` to `MOST_SIDE`. A wide face box
            makes it larger, a photo that ends near the face makes it smaller.

    Returns:
        The matrix from the result's pixels to the photo's, float64 [2, 3] (see `face_align`), or one line that says why
        the face does not suit.
    """
    if len(face.landmarks) < 2:
        return "no eyes: the detector gave none; use one that finds landmarks"
    left, right = (np.array(point) for point in face.landmarks[:2])
    distance = float(np.hypot(*(right - left)))
    if distance < 1.0:
        return f"eyes too close: {distance:.1f} pixels lie between them"
    full_turn = tilt(face)
    turn = max(-MOST_TURN, min(MOST_TURN, full_turn))
    down = np.array([-math.sin(full_turn), math.cos(full_turn)])  # from the eyes to the mouth
    middle = (left + right) / 2 + EYES_ABOVE * distance * down
    side = max(wanted * distance, BOX_SHARE * face.side)
    best: tuple[np.ndarray, float, float] | None = None
    best_side = 0.0
    for share in _TURNS:
        found = _fit(middle, side, share * turn, photo_hw)
        if found is not None and found[1] > best_side * 1.1:  # levelling is worth a tenth of the side
            best, best_side = (*found, share * turn), found[1]
    if best is None or best_side < BOX_SHARE * face.side * 0.8:
        return "cut off: no square inside the photo holds the whole face"
    center, side, angle = best
    share = distance / side
    if share < SMALLEST_FACE:
        return f"eyes too close: {share:.2f} of the square, under {SMALLEST_FACE}; a profile?"
    if share > LARGEST_FACE:
        return f"face too large: the eyes lie {share:.2f} of the square apart, over {LARGEST_FACE}"
    return _matrix(center, side, angle, size)


def _fit(middle: np.ndarray, side: float, angle: float, photo_hw: tuple[int, int]) -> tuple[np.ndarray, float] | None:
    """Finds the largest square of at most `side`, turned by `angle`, in the photo near `middle`: (centre, side)."""
    height, width = photo_hw
    reach = (abs(math.cos(angle)) + abs(math.sin(angle))) / 2  # half the width of the turned square's bounding box
    side = min(side, width / (2 * reach), height / (2 * reach))
    room = side * reach
    center = np.clip(middle, (room, room), (width - room, height - room))
    away = np.abs(center - middle).max()
    if away > _OFF_CENTER * side:
        # a smaller square can stay nearer: where both limits meet
        side *= 1 - (away - _OFF_CENTER * side) / (side * (reach - _OFF_CENTER)) if reach > _OFF_CENTER else 0
        room = side * reach
        center = np.clip(middle, (room, room), (width - room, height - room))
        if side <= 0 or np.abs(center - middle).max() > _OFF_CENTER * side + 1e-6:
            return None
    return center, side


def _matrix(center: np.ndarray, side: float, angle: float, size: int) -> np.ndarray:
    cosine, sine = math.cos(angle) * side / size, math.sin(angle) * side / size
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, center - 0.5 - turn @ np.full(2, (size - 1) / 2)])
