"""Turns photos of any size into anime, as a checkpoint's defaults and the options of `stylize` say.

A photo is reduced to the size that the generator draws well, and the drawing is enlarged again; faces are drawn once
more on their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.data.face_align import Detector, Face, Point, crop_matrix, face_square, inverse, to_source, warp
from animegan3_tf.data.region_colors import color_keeper
from animegan3_tf.models.checkpoints import DEFAULT, NOT_STATED, StylizeDefaults, terms_of
from animegan3_tf.models.model import open_model
from animegan3_tf.networks.architectures import MIN_SIDE
from animegan3_tf.stylizer.files import Report, stylize_files, try_destination
from animegan3_tf.stylizer.model import stylizer_of

_MARGIN = 0.325  # around the box, as a share of it, where the face's square does not fit into the photo
_STRIP = 256  # rows that are blended at a time: a face may fill a photo of 100 megapixels
_SEAM = 0.14  # width of the blended border, as a share of the square's side

Draw = Callable[[np.ndarray, "tuple[Point, ...] | None"], np.ndarray]


def redraw_face(rgb: np.ndarray, face: Face, anime: np.ndarray, draw: Draw, size: int) -> None:
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
    cover = warp(_mask(size), back, shape, cv2.BORDER_CONSTANT)[..., None]
    drawing = warp(drawing, back, shape)
    for top in range(0, len(place), _STRIP):
        rows = slice(top, top + _STRIP)
        share = cover[rows] / np.float32(255)
        place[rows] = np.rint(place[rows] + share * (drawing[rows].astype(np.float32) - place[rows]))


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


Finish = Callable[[np.ndarray, np.ndarray, "tuple[Point, ...] | None"], np.ndarray]
_FACE_SIZES = (64, 1024)
_FACE_MIN = 32  # pixels of the photo; smaller faces hold too little to draw from


class PhotoStylizer:
    """Stylises photos: called with uint8 RGB [H, W, 3], returns the drawing.

    The photo is reduced until its longest side is `size`, drawn, and enlarged to its own size. Then each face is cut
    out of the original photo, upright, drawn at `face_size` pixels, and blended in. Where no face is found, the first
    pass is the result.

    Attributes:
        warning: One line that the user should see before the run, or None.
        terms: What the weights may be used for, one line.
        faces_found: Number of faces in each photo so far, in the order of the photos; empty without a detector.
    """

    def __init__(
        self,
        stylizer: Callable[[np.ndarray], np.ndarray],
        *,
        size: int | None = None,
        full_size: bool = True,
        detector: Detector | None = None,
        face_size: int = 256,
        min_confidence: float = 0.9,
        finish: Finish | None = None,
        terms: str = NOT_STATED,
    ) -> None:
        """Puts the steps together.

        Args:
            stylizer: Draws an image, uint8 RGB [h, w, 3] -> the same size.
            size: Longest side in pixels at which a whole photo is drawn; None or 0 keeps the photo's own. Smaller
                photos are not enlarged.
            full_size: Whether results are enlarged to the photo's size; else they have the size that was drawn.
            detector: Finds the faces to draw again; None draws no face again.
            face_size: Side of the crops in which faces are drawn, in pixels.
            min_confidence: 0..1; faces with a lower confidence are not drawn again.
            finish: A step after the generator, called as finish(photo, drawing, landmarks) with uint8 images of one
                size and the face's landmarks (None for a whole photo); returns the drawing to use.
            terms: What the weights may be used for, one line.

        Raises:
            UserError: `size` or `face_size` is out of range.
        """
        if size and size < MIN_SIDE:
            raise UserError(f"--size is {size}; give at least {MIN_SIDE}, or 0 for the photo's own size")
        if not _FACE_SIZES[0] <= face_size <= _FACE_SIZES[1]:
            raise UserError(f"--face-size is {face_size}; give from {_FACE_SIZES[0]} to {_FACE_SIZES[1]:,}")
        self.stylizer, self.size, self.full_size = stylizer, size, full_size
        self.detector, self.face_size, self.min_confidence = detector, face_size, min_confidence
        self.finish, self.terms = finish, terms
        self.warning: str | None = getattr(stylizer, "warning", None)
        self.faces_found: list[int] = []

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Stylises one photo, uint8 RGB [H, W, 3] of any size that the stylizer takes."""
        height, width = rgb.shape[:2]
        anime = self._draw(images.resize(rgb, self._drawn_size(height, width)), None)
        if self.full_size:
            anime = images.resize(anime, (height, width))
        if self.detector is None:
            return anime
        faces = [face for face in self.detector([rgb])[0] if face.confidence >= self.min_confidence]
        self.faces_found.append(len(faces))
        if faces and np.may_share_memory(anime, rgb):  # the photo stays as it is
            anime = anime.copy()
        for face in sorted(faces, key=lambda face: face.side):  # a large face lies in front
            redraw_face(rgb, face, anime, self._draw, self.face_size)
        return anime

    def _draw(self, photo: np.ndarray, landmarks: tuple[Point, ...] | None) -> np.ndarray:
        drawing = self.stylizer(photo)
        return drawing if self.finish is None else self.finish(photo, drawing, landmarks)

    def _drawn_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a photo is drawn; the short side stays long enough for the generator."""
        if not self.size:
            return height, width
        scale = min(1.0, max(self.size / max(height, width), MIN_SIDE / min(height, width)))
        return max(1, round(height * scale)), max(1, round(width * scale))


def open_photo_stylizer(
    model: str | os.PathLike,
    *,
    size: int | None = None,
    full_size: bool = True,
    faces: bool | None = None,
    face_size: int | None = None,
    keep_colors: str = "none",
) -> PhotoStylizer:
    """Loads a model with the defaults of its checkpoint, which the arguments override.

    Args:
        model: As `open_model` takes it.
        size: As in `PhotoStylizer`; 0 keeps the photo's own size; None takes the checkpoint's default.
        full_size: As in `PhotoStylizer`.
        faces: Whether MTCNN finds faces to draw again; None takes the checkpoint's default.
        face_size: As in `PhotoStylizer`; None takes the checkpoint's default.
        keep_colors: "region" gives the drawing the photo's colours (`keep_region_colors`), "none" keeps the model's.

    Returns:
        The stylizer, a callable.

    Raises:
        UserError: The model cannot be loaded, or a value is out of range.
    """
    finish = color_keeper(keep_colors)
    opened = open_model(model)
    defaults = StylizeDefaults.from_header(opened.header)
    detector = None
    if defaults.faces if faces is None else faces:
        from animegan3_tf.data.face_detector import MtcnnDetector

        detector = MtcnnDetector(min_size=_FACE_MIN)
    return PhotoStylizer(
        stylizer_of(opened),
        size=defaults.size if size is None else size,
        full_size=full_size,
        detector=detector,
        face_size=defaults.face_size if face_size is None else face_size,
        finish=finish,
        terms=terms_of(opened.header),
    )


def stylize(
    photos: str | os.PathLike | Sequence[str | os.PathLike],
    out: str | os.PathLike,
    model: str | os.PathLike = DEFAULT,
    *,
    size: int | None = None,
    full_size: bool = True,
    faces: bool | None = None,
    face_size: int | None = None,
    keep_colors: str = "none",
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    suffix: str | None = None,
    overwrite: bool = False,
    strip: bool = False,
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
) -> Report:
    """Turns photos into anime, as the command `animegan3 stylize` does.

    Args:
        photos: A photo or a folder of photos, or several of these.
        out: Folder of the results, made if missing; for one photo it may be an image file instead.
        model: As `open_model` takes it.
        size: As for `open_photo_stylizer`, and so are `full_size`, `faces`, `face_size` and `keep_colors`.
        full_size: Whether results have the size of their photos, or that at which they were drawn.
        faces: Whether each face is drawn once more on its own.
        face_size: Side of the crops in which faces are drawn, in pixels.
        keep_colors: "region" or "none".
        max_pixels: As for `stylize_files`, and so are `suffix`, `overwrite` and `on_progress`.
        suffix: Format of the results, such as ".png".
        overwrite: Let a result replace its own photo.
        strip: As for `stylize_files`.
        on_progress: Called as (done, total, photo, error or None) after each photo.

    Returns:
        What was written and what failed.

    Raises:
        UserError: The model cannot be opened, a value is out of range, photos and output do not fit together, or the
            output cannot be written to.
    """
    try_destination(out)  # before the model is loaded, which takes seconds
    stylizer = open_photo_stylizer(
        model, size=size, full_size=full_size, faces=faces, face_size=face_size, keep_colors=keep_colors
    )
    inputs = [photos] if isinstance(photos, (str, os.PathLike)) else photos
    return stylize_files(
        inputs,
        out,
        stylizer,
        max_pixels=max_pixels,
        suffix=suffix,
        overwrite=overwrite,
        strip=strip,
        on_progress=on_progress,
    )
