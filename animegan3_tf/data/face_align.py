"""Turns a face's box and eyes into an affine crop, and resamples images through such matrices.

Matrices are OpenCV's: float64 [2, 3], from the pixel (x, y) of a result to the pixel of its source, with the centres of
pixels at whole numbers. Boxes and landmarks count from the corners of pixels, as `Face` says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from animegan3_tf import images
from animegan3_tf.data.face import Face

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
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array(face.center) - 0.5
    return np.column_stack([turn, middle - turn @ np.full(2, (size - 1) / 2)])


def to_source(matrix: np.ndarray, points: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
    """Maps points [N, 2] of a result, counted from the corners of pixels, to points of its source."""
    return (np.asarray(points, float) - 0.5) @ matrix[:, :2].T + matrix[:, 2] + 0.5


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
