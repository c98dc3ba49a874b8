"""A face in a photo, and the crops and windows that its landmarks define."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from animegan3_tf.common import images

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels of its photo: pixel i covers i to i + 1, so a whole photo is (0, 0, width, height).

    Attributes:
        box: (left, top, right, bottom); it may reach beyond the photo.
        confidence: From 0 to 1.
        landmarks: (x, y) points that begin with the two eyes, the left one first as the viewer sees them; empty when
            unknown.
    """

    box: tuple[float, float, float, float]
    confidence: float = 1.0
    landmarks: tuple[Point, ...] = ()

    @property
    def side(self) -> float:
        """The longer side of the box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def center(self) -> Point:
        """The middle of the box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector(Protocol):
    """Finds faces.

    Attributes:
        settings: Everything its answers depend on, as JSON takes it. The manifest keeps it; crops made with other
            settings are made anew.
    """

    settings: dict

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Finds the faces of several photos.

        Args:
            photos: uint8 RGB [H, W, 3] each.
            names: The photos' paths below their folder, for detectors that go by name.

        Returns:
            The faces of each photo.
        """


_REACH = 3  # pixels beside a position that cubic interpolation may ask for, and one to spare


def tilt(face: Face) -> float:
    """Measures the angle of the line through the eyes.

    Args:
        face: The face.

    Returns:
        The angle in radians, positive when the right eye is lower; 0 where the eyes are not known.
    """
    if len(face.landmarks) < 2:
        return 0.0
    (left_x, left_y), (right_x, right_y) = face.landmarks[:2]
    return math.atan2(right_y - left_y, right_x - left_x)


def crop_matrix(face: Face, size: int, margin: float) -> np.ndarray:
    """Places a square crop around a face: eyes level, the box in the middle.

    Args:
        face: The face, in pixels of the photo.
        size: Side of the crop in pixels.
        margin: Width added on each side of the box, as a share of its longer side.

    Returns:
        The matrix from the crop's pixels to the photo's, float64 [2, 3].
    """
    scale, angle = face.side * (1.0 + 2.0 * margin) / size, tilt(face)
    return _matrix(np.array(face.center), scale * math.cos(angle), scale * math.sin(angle), size)


def _matrix(center: np.ndarray, cosine: float, sine: float, size: int) -> np.ndarray:
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, center - 0.5 - turn @ np.full(2, (size - 1) / 2)])


def to_source(matrix: np.ndarray, points: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
    """Maps points [N, 2] of a result, counted from the corners of pixels, to points of its source."""
    return (np.asarray(points, float) - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5


def share_outside(matrix: np.ndarray, size: int, photo_hw: tuple[int, int]) -> float:
    """Measures how much of a square crop lies outside its photo.

    Args:
        matrix: From the crop's pixels to the photo's, float64 [2, 3].
        size: Side of the crop in pixels.
        photo_hw: Height and width of the photo in pixels.

    Returns:
        The share of the crop's area, 0 to 1.
    """
    height, width = photo_hw
    square = to_source(matrix, [(0, 0), (size, 0), (size, size), (0, size)])
    photo = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    inside, _ = cv2.intersectConvexConvex(square.astype(np.float32), photo.astype(np.float32))
    return max(0.0, 1.0 - inside / cv2.contourArea(square.astype(np.float32)))


def inverse(matrix: np.ndarray) -> np.ndarray:
    """Returns the matrix from the source's pixels to the result's."""
    return cv2.invertAffineTransform(matrix)


def warp(
    source: np.ndarray, matrix: np.ndarray, size_hw: tuple[int, int], border: int = cv2.BORDER_REPLICATE
) -> np.ndarray:
    """Resamples an image through a matrix: means over areas where it shrinks, cubic where it grows.

    Args:
        source: uint8 [H, W, C] or [H, W].
        matrix: From the result's pixels to the source's, float64 [2, 3].
        size_hw: Height and width of the result in pixels.
        border: How OpenCV fills the part outside the source; by default its outermost pixels go on. A mirror image
            would put a second pair of eyes on the forehead of a portrait that is cut close.

    Returns:
        uint8, as many channels as the source.
    """
    height, width = size_hw
    source, matrix = _part_used(source, matrix, size_hw)
    scale = math.hypot(*matrix[:, 0])
    if scale > 4:  # so that what is resampled finely below stays small
        source, matrix = _reduced(source, matrix, math.floor(scale / 2))
        scale = math.hypot(*matrix[:, 0])
    # OpenCV's warps look at a few neighbours however much they shrink: sample finely, then take the means.
    fine = max(1, math.ceil(scale - 1e-6))
    sampled = np.column_stack([matrix[:, :2] / fine, matrix[:, 2] + matrix[:, :2] @ np.full(2, (1 / fine - 1) / 2)])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    result = cv2.warpAffine(source, sampled, (width * fine, height * fine), flags=how, borderMode=border)
    return images.resize(result, size_hw)


def _part_used(source: np.ndarray, matrix: np.ndarray, size_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the source down to the part around the result: OpenCV's warps end at 32,767 pixels a side."""
    height, width = size_hw
    corners = to_source(matrix, [(0, 0), (width, 0), (0, height), (width, height)])
    limits = np.array([source.shape[1], source.shape[0]])
    first = np.clip(np.floor(corners.min(axis=0)).astype(int) - _REACH, 0, limits - 1)
    last = np.clip(np.ceil(corners.max(axis=0)).astype(int) + _REACH, first + 1, limits)
    part = source[first[1] : last[1], first[0] : last[0]]
    return part, np.column_stack([matrix[:, :2], matrix[:, 2] - first])


def _reduced(source: np.ndarray, matrix: np.ndarray, factor: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = source.shape[:2]
    smaller = images.resize(source, (max(1, round(height / factor)), max(1, round(width / factor))))
    shrink = np.array([smaller.shape[1] / width, smaller.shape[0] / height])
    return smaller, np.column_stack([matrix[:, :2] * shrink[:, None], (matrix[:, 2] + 0.5) * shrink - 0.5])


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
    best_side = 0.0
    for share in _TURNS:
        found = _fit(middle, side, share * turn, photo_hw)
        if found is not None and found[1] > best_side * 1.1:  # levelling is worth a tenth of the side
            (center, best_side), angle = found, share * turn
    if not best_side or best_side < BOX_SHARE * face.side * 0.8:
        return "cut off: no square inside the photo holds the whole face"
    share = distance / best_side
    if share < SMALLEST_FACE:
        return f"eyes too close: {share:.2f} of the square, under {SMALLEST_FACE}; a profile?"
    if share > LARGEST_FACE:
        return f"face too large: the eyes lie {share:.2f} of the square apart, over {LARGEST_FACE}"
    return _matrix(center, math.cos(angle) * best_side / size, math.sin(angle) * best_side / size, size)


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
    cheeks = (0.45 * left + 0.55 * left_mouth, 0.45 * right + 0.55 * right_mouth)
    return np.array([*cheeks, nose - (0.0, 0.25 * distance), (left + right) / 2 - (0.0, 0.45 * distance)])
