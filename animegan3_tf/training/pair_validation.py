"""Validation of a run on pairs: the results compared with the drawings of pairs that are not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.data.pair_folder import PairImages
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.drawn_eyes import both_eyes_drawn
from animegan3_tf.images import ImageError, resize
from animegan3_tf.training.validation import Validation, to_levels, to_unit

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from animegan3_tf.training.callbacks import RunCallback
    from animegan3_tf.training.validation import Rendering


@dataclass(frozen=True)
class PairSquare:
    """The middle of a pair.

    Attributes:
        photo: uint8 [S, S, 3].
        drawing: uint8 [S, S, 3].
        landmarks: The face's landmarks in pixels of the square, or None if they are not known.
    """

    photo: np.ndarray
    drawing: np.ndarray
    landmarks: np.ndarray | None


class PairValidation(Validation):
    """Draws rows of photo | result | drawing of the averaged generator, as PNG and in TensorBoard, and measures them.

    The curves are "psnr" in dB and "ssim" (Wang et al. 2004), both means over the pairs, and "eyes_drawn", the share of
    the results with both eyes (`evaluation.drawn_eyes`) among the pairs whose landmarks are known.

    Args:
        every: Steps between two validations.
        squares: The pairs.
        shown: The number of them in the grid.
        folder: Folder of the grids.
        log_folder: TensorBoard's log folder.
        listeners: Callbacks whose `validated` is called after each validation.
    """

    def __init__(
        self,
        every: int,
        squares: Sequence[PairSquare],
        shown: int,
        folder: Path,
        log_folder: str | os.PathLike[str],
        listeners: Sequence[RunCallback] = (),
    ) -> None:
        super().__init__(every, [square.photo for square in squares], folder, log_folder, None, listeners)
        self._squares, self._shown = squares, shown

    def render(self, generator: tf.keras.Model) -> Rendering:
        """See `Validation`."""
        rows: list[list[np.ndarray]] = []
        psnr, ssim, eyes = [], [], []
        for square in self._squares:
            result = to_levels(generator(to_unit(square.photo))[0])
            pair = tf.constant(result), tf.constant(square.drawing)
            psnr.append(float(tf.image.psnr(*pair, max_val=255)))
            ssim.append(float(tf.image.ssim(*pair, max_val=255)))
            if square.landmarks is not None:
                eyes.append(both_eyes_drawn(result, square.landmarks.tolist()))
            if len(rows) < self._shown:
                rows.append([square.photo, result, square.drawing])
        values = {"psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim))}
        if eyes:
            values["eyes_drawn"] = float(np.mean(eyes))
        return rows, ("photo", "result", "drawing"), values


def held_out_squares(
    pictures: PairImages, numbers: Sequence[int], side: int, warn: Callable[[str], object] = print
) -> list[PairSquare]:
    """Loads the middle of some pairs.

    Args:
        pictures: All pairs.
        numbers: The numbers of the pairs to load.
        side: Side of the squares in pixels.
        warn: Receives a warning for each pair that cannot be read.

    Returns:
        The squares of the pairs that can be read.

    Raises:
        UserError: None of the pairs can be read.
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
        photo, drawing = (resize(half, (side, side)) for half in halves)
        squares.append(PairSquare(photo, drawing, landmarks))
    if not squares:
        raise UserError(f"none of the {len(numbers)} pairs held out for validation can be read; repair or remove them")
    return squares
