"""How near the results are to the drawings of pairs that are not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from animegan3_tf.data.pair_folder import PairImages
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.drawn_eyes import both_eyes_drawn
from animegan3_tf.images import ImageError, resize
from animegan3_tf.training.validation import Validation, to_levels, to_unit


@dataclass(frozen=True)
class PairSquare:
    """The middle of a pair: photo and drawing, uint8 [S, S, 3], and the face's points in pixels of it, or None."""

    photo: np.ndarray
    drawing: np.ndarray
    landmarks: np.ndarray | None


class PairValidation(Validation):
    """Draws rows of photo | result | drawing of the averaged generator, as PNG and in TensorBoard, and measures them.

    psnr: in dB, the mean over the pairs. ssim: of Wang et al. (2004), likewise. eyes_drawn: share of the results with
    both eyes, of the pairs whose landmarks are known (`evaluation.drawn_eyes`).

    squares: list of `PairSquare`. shown: how many are in the grid. All else as for `Validation`.
    """

    def __init__(self, every, squares, shown, folder, log_folder, listeners=()):
        super().__init__(every, [square.photo for square in squares], folder, log_folder, None, listeners)
        self._squares, self._shown = squares, shown

    def look(self, generator):
        """See `Validation`."""
        rows, psnr, ssim, eyes = [], [], [], []
        for square in self._squares:
            result = to_levels(generator(to_unit(square.photo))[0])
            pair = tf.constant(result), tf.constant(square.drawing)
            psnr.append(float(tf.image.psnr(*pair, max_val=255)))
            ssim.append(float(tf.image.ssim(*pair, max_val=255)))
            if square.landmarks is not None:
                eyes.append(both_eyes_drawn(result, square.landmarks))
            if len(rows) < self._shown:
                rows.append([square.photo, result, square.drawing])
        values = {"psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim))}
        if eyes:
            values["eyes_drawn"] = float(np.mean(eyes))
        return rows, ("photo", "result", "drawing"), values


def held_out_squares(
    pictures: PairImages, numbers: Sequence[int], side: int, warn: Callable[[str], None] = print
) -> list[PairSquare]:
    """Loads the middle of some pairs.

    Args:
        pictures: All pairs.
        numbers: Which ones.
        side: Of the squares, in pixels.
        warn: Is told of pairs that cannot be read.

    Returns:
        The squares of those that can.

    Raises:
        UserError: Not one of them can be read.
    """
    squares = []
    for number in numbers:
        try:
            pair = pictures.load(number)
        except ImageError as error:
            warn(f"left out of the validation: {error}")
            continue
        shorter = min(pair.shape[:2])
        top, left = ((length - shorter) // 2 for length in pair.shape[:2])
        pair = pair[top : top + shorter, left : left + shorter]
        halves = (np.ascontiguousarray(pair[..., :3]), np.ascontiguousarray(pair[..., 3:]))
        landmarks = pictures.landmarks(number)
        if landmarks is not None:
            landmarks = (landmarks - np.array([left, top]) / shorter) * side
        squares.append(PairSquare(*(resize(half, (side, side)) for half in halves), landmarks))
    if not squares:
        raise UserError(f"none of the {len(numbers)} pairs held out for validation can be read; mend or remove them")
    return squares
