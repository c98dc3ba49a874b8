"""Cuts faces out as the face recognition network expects them."""

from __future__ import annotations

import numpy as np

from animegan3_tf.data.face import Face
from animegan3_tf.data.face_align import warp

SIZE = 150
# Where MTCNN finds eyes, nose and mouth corners in faces that dlib's own detector and predictor cut out (150 pixels,
# padding 0.25): means over 78 photos of LFW, made symmetric. With the means before that, dlib's network put a face at
# a distance of 0.11 from dlib's own cut on average; strangers were at 0.83.
LANDMARKS = np.array([(46.0, 43.8), (100.4, 43.8), (73.2, 75.0), (49.5, 103.5), (96.9, 103.5)])


def chip_matrix(face: Face) -> np.ndarray:
    """Fits the matrix from the chip to the photo, by least squares of five landmarks.

    Five landmarks tolerate one that is covered or badly drawn better than two eyes would.

    Args:
        face: A face with five landmarks.

    Returns:
        Float [2, 3], as in `face_align`: rotation, scale and shift, without shear.
    """
    # in complex numbers, such a map is z -> a z + b
    chip, photo = (points[:, 0] + 1j * points[:, 1] for points in (LANDMARKS - 0.5, np.array(face.landmarks) - 0.5))
    centred = chip - chip.mean()
    turn = np.vdot(centred, photo) / np.vdot(centred, centred).real
    shift = photo.mean() - turn * chip.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def face_chip(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Cuts a face out of a uint8 image [H, W, 3] by a matrix of `chip_matrix`; uint8 [150, 150, 3]."""
    return warp(rgb, matrix, (SIZE, SIZE))
