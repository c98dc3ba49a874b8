"""Photos -> anime with their faces drawn at the size the model was trained on, and blended back."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from animegan3_tf.data.face import Detector, Face
from animegan3_tf.data.face_align import crop_matrix, inverse, to_source, warp

_MARGIN = 0.3  # around a face's box; the seam lies in it
_SEAM = 0.5 - 0.5 / (1 + 2 * _MARGIN)  # its share of the crop, on each side


class FaceStylizer:
    """A callable, uint8 RGB [H, W, 3] -> the same size in anime style, faces drawn on their own.

    stylizer: such a callable too. The whole photo goes through it; then each face, upright and `size` pixels wide with
    what surrounds it, goes through it again and is turned back and blended in. A photo without a face is only that
    first pass. min_confidence: 0..1, of the detector's faces.
    faces_found: how many faces each photo so far had, in their order.
    """

    def __init__(
        self,
        stylizer: Callable[[np.ndarray], np.ndarray],
        detector: Detector,
        size: int = 256,
        min_confidence: float = 0.9,
    ):
        self.stylizer, self.detector, self.size, self.min_confidence = stylizer, detector, size, min_confidence
        self.faces_found: list[int] = []
        self._mask = _mask(size)

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Stylises one picture of any size that the stylizer takes."""
        anime = self.stylizer(rgb)
        faces = [face for face in self.detector([rgb])[0] if face.confidence >= self.min_confidence]
        self.faces_found.append(len(faces))
        if faces:
            anime = anime.copy()
        for face in sorted(faces, key=lambda face: face.side):  # a large face lies in front
            self._redraw(rgb, face, anime)
        return anime

    def _redraw(self, rgb: np.ndarray, face: Face, anime: np.ndarray) -> None:
        size_hw = (self.size, self.size)
        matrix = crop_matrix(face, self.size, _MARGIN)
        crop = self.stylizer(warp(rgb, matrix, size_hw))
        corners = to_source(matrix, [(0, 0), (self.size, 0), (0, self.size), (self.size, self.size)])
        height, width = rgb.shape[:2]
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, (width, height))
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, (width, height))
        if left >= right or top >= bottom:
            return
        place, back = anime[top:bottom, left:right], inverse(matrix)
        back[:, 2] += back[:, :2] @ (left, top)
        share = warp(self._mask, back, place.shape[:2], cv2.BORDER_CONSTANT)[..., None] / np.float32(255)
        place[:] = np.rint(place + share * (warp(crop, back, place.shape[:2]).astype(np.float32) - place))


def _mask(size: int) -> np.ndarray:
    """How much of a crop [size, size] counts, uint8: nothing at its rim, all within the face's box, smooth between."""
    inward = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / size
    rise = np.clip(inward / _SEAM, 0, 1)
    rise = rise * rise * (3 - 2 * rise)
    return np.rint(255 * np.outer(rise, rise)).astype(np.uint8)
