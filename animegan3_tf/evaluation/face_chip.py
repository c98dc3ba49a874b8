"""Faces cut out as face recognition wants them."""

from __future__ import annotations

import numpy as np

from animegan3_tf.data.face import Face
from animegan3_tf.data.face_align import warp

SIZE = 150
# Where MTCNN sees eyes, nose and mouth corners in the faces that dlib's own detector and predictor cut (150 pixels,
# padding 0.25): means over 78 photos of LFW, made symmetric. With the means themselves dlib's network put a face 0.11
# from its own cut on average, strangers being at 0.83.
LANDMARKS = np.array([(46.0, 43.8), (100.4, 43.8), (73.2, 75.0), (49.5, 103.5), (96.9, 103.5)])


def chip_matrix(face: Face) -> np.ndarray:
    """The matrix from the chip to the photo, as `face_align` has them: turned, scaled and moved, never sheared.

    The least squares of five landmarks, which bear a drawn or covered feature better than two eyes.
    """
    # as complex numbers, such a movement is z -> a z + b
    chip, photo = (points[:, 0] + 1j * points[:, 1] for points in (LANDMARKS - 0.5, np.array(face.landmarks) - 0.5))
    centred = chip - chip.mean()
    turn = np.vdot(centred, photo) / np.vdot(centred, centred).real
    shift = photo.mean() - turn * chip.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def face_chip(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The face, uint8 [150, 150, 3], of a uint8 picture [H, W, 3] and a matrix of `chip_matrix`."""
    return warp(rgb, matrix, (SIZE, SIZE))
