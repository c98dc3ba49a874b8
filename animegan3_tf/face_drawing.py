"""Draws one face of a photo again, upright and at the size that the generator draws best, and blends it in."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from animegan3_tf.data.face import Face, Point
from animegan3_tf.data.face_align import crop_matrix, inverse, to_source, warp
from animegan3_tf.data.face_square import face_square

_MARGIN = 0.325  # around the box, as a share of it, where the face's square does not fit into the photo
_SEAM = 0.14  # width of the blended border, as a share of the square's side

Draw = Callable[[np.ndarray, "tuple[Point, ...] | None"], np.ndarray]


def draw_face(rgb: np.ndarray, face: Face, anime: np.ndarray, draw: Draw, size: int) -> None:
    """Draws a face again and blends it into `anime`, in place.

    Args:
        rgb: The photo, uint8 [H, W, 3].
        face: Where the face is in the photo, in its pixels.
        anime: The photo's drawing, uint8 [h, w, 3]; it may be smaller or larger than the photo.
        draw: Takes a square crop, uint8 [size, size, 3], and the face's landmarks in its pixels (None where they are
            unknown); returns the crop's drawing, uint8 of the same shape.
        size: Side of the crop in pixels.
    """
    matrix = _framed(face, (rgb.shape[0], rgb.shape[1]), size)
    landmarks = _to_crop(matrix, face.landmarks) if face.landmarks else None
    drawing = draw(warp(rgb, matrix, (size, size)), landmarks)
    matrix = _scaled(matrix, anime.shape[1] / rgb.shape[1], anime.shape[0] / rgb.shape[0])
    corners = to_source(matrix, [(0, 0), (size, 0), (0, size), (size, size)])
    height, width = anime.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width, height))
    right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width, height))
    if left >= right or top >= bottom:
        return
    place, back = anime[top:bottom, left:right], inverse(matrix)
    shape = place.shape[0], place.shape[1]
    back[:, 2] += back[:, :2] @ (left, top)
    share = warp(_mask(size), back, shape, cv2.BORDER_CONSTANT)[..., None] / np.float32(255)
    place[:] = np.rint(place + share * (warp(drawing, back, shape).astype(np.float32) - place))


def _framed(face: Face, photo_hw: tuple[int, int], size: int) -> np.ndarray:
    """The matrix [2, 3] from the crop to the photo, framed like the photos of pairs that generators learn from."""
    square = face_square(face, photo_hw, size)
    return crop_matrix(face, size, _MARGIN) if isinstance(square, str) else square


def _to_crop(matrix: np.ndarray, points: tuple[Point, ...]) -> tuple[Point, ...]:
    return tuple((x, y) for x, y in to_source(inverse(matrix), points).tolist())


def _scaled(matrix: np.ndarray, columns: float, rows: float) -> np.ndarray:
    """The matrix from a crop to a copy of its photo, `columns` times as wide and `rows` times as high."""
    stretch = np.array([columns, rows])
    return np.column_stack([matrix[:, :2] * stretch[:, None], (matrix[:, 2] + 0.5) * stretch - 0.5])


def _mask(size: int) -> np.ndarray:
    """The weight of a crop's pixels, uint8 [size, size]: 0 at the border, 255 in the middle, smooth between."""
    inward = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / size
    rise = np.clip(inward / _SEAM, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return np.rint(255 * np.outer(rise, rise)).astype(np.uint8)
