"""Scores of the faces in images: still found, still the same person, eyes and skin as they should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import in_threads
from animegan3_tf.data.face import Detector, Face
from animegan3_tf.data.face_align import inverse, to_source, warp
from animegan3_tf.data.face_square import face_square
from animegan3_tf.evaluation.drawn_eyes import SIDE, both_eyes_drawn
from animegan3_tf.evaluation.face_chip import chip_matrix, face_chip
from animegan3_tf.evaluation.face_embedding import FaceEmbedding
from animegan3_tf.evaluation.identity import between_persons, identity_similarity
from animegan3_tf.evaluation.score import Score
from animegan3_tf.evaluation.skin_shift import skin_shift
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, read_image, resize

FACE_SCORES = (
    Score("face_detected", "face still found, of photos with one", "higher"),
    Score("identity", "identity, 1 the same face, 0 strangers", "higher"),
    Score("above_strangers", "pictures whose identity is above strangers'", "higher"),
    Score("eyes_drawn", "both eyes drawn", "higher"),
    Score("photo_eyes_drawn", "both eyes drawn, by the photos themselves, for comparison", ""),
    Score("skin_shift", "colour shift of the skin, CIEDE2000, median", "lower", "median"),
)
_BATCH = 16
_SIDE = 512  # pixels of the longer side at which faces are sought
_LANDMARKS = 5  # points of a face that can be aligned


def score_faces(
    pairs: dict[Path, Path],
    detector: Detector,
    embedding: FaceEmbedding | None,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> tuple[dict[str, np.ndarray], float | None]:
    """Measures FACE_SCORES of images.

    The scores are NaN where the photo has no face. Both faces of a pair are cut out by the photo's landmarks, so that
    the scores depend on the drawing and not on the detector.

    face_detected: 1 where the detector finds a face at the place of the photo's largest one, else 0.
    identity: see `identity_similarity`. NaN without an embedding, or with fewer than two faces.
    above_strangers: 1 for an identity above 0, which is where strangers are on average, else 0. NaN as identity is.
    eyes_drawn, photo_eyes_drawn: 1 where `both_eyes_drawn` finds both eyes in the square around the photo's face,
    else 0. NaN where no square inside the photo holds the face.
    skin_shift: see `skin_shift`. NaN as eyes_drawn is.

    Args:
        pairs: {generated image: its photo}.
        detector: The face detector.
        embedding: The network that recognises faces, if any.
        seed: The seed of `between_persons`.
        max_pixels: The limit for images that are read.
        on_progress: Called with (images done, all images, name) after each batch.

    Returns:
        ({key: float64 [N]} in the order of the pairs, `between_persons` of the photos). The second is None without an
        embedding, or with fewer than two faces.
    """
    detected, numbers, vectors = np.full(len(pairs), np.nan), [], []
    drawn_faces = {key: np.full(len(pairs), np.nan) for key in ("eyes_drawn", "photo_eyes_drawn", "skin_shift")}
    items, done = iter(pairs.items()), 0
    while some := list(islice(items, _BATCH)):
        read: list[tuple[np.ndarray, np.ndarray] | None] = list(in_threads(lambda pair: _both(pair, max_pixels), some))
        known = [(done + i, both) for i, both in enumerate(read) if both]
        faces = detector([photo for _, (photo, _) in known])
        largest = [(i, both, _largest(found)) for (i, both), found in zip(known, faces)]
        kept = [(i, both, face) for i, both, face in largest if face]
        drawn = detector([image for _, (_, image), _ in kept])
        for (number, _, face), found in zip(kept, drawn):
            detected[number] = any(_same_place(face, other) for other in found)
        for number, both, face in kept:
            for key, value in _drawn_face(*both, face).items():
                drawn_faces[key][number] = value
        if embedding and kept:
            cut = np.concatenate([[face_chip(image, chip_matrix(face)) for image in both] for _, both, face in kept])
            numbers += [number for number, _, _ in kept]
            vectors.append(embedding(cut).reshape(len(kept), 2, -1))
        done += len(some)
        if on_progress:
            on_progress(done, len(pairs), some[-1][0].name)
    identity, between = np.full(len(pairs), np.nan), None
    if len(numbers) > 1:
        photos, generated = np.moveaxis(np.concatenate(vectors), 1, 0)
        between = between_persons(photos, seed)
        identity[numbers] = identity_similarity(photos, generated, between)
    above = np.where(np.isnan(identity), np.nan, identity > 0)
    return {"face_detected": detected, "identity": identity, "above_strangers": above, **drawn_faces}, between


def _drawn_face(photo: np.ndarray, image: np.ndarray, face: Face) -> dict[str, float]:
    """The scores of one face's drawing; empty where no square inside the photo holds the face."""
    matrix = face_square(face, (photo.shape[0], photo.shape[1]), SIDE)
    if isinstance(matrix, str):
        return {}
    landmarks = to_source(inverse(matrix), face.landmarks).tolist()
    square, drawing = (warp(rgb, matrix, (SIDE, SIDE)) for rgb in (photo, image))
    return {
        "eyes_drawn": float(both_eyes_drawn(drawing, landmarks)),
        "photo_eyes_drawn": float(both_eyes_drawn(square, landmarks)),
        "skin_shift": skin_shift(square, drawing, landmarks),
    }


def _both(pair: tuple[Path, Path], max_pixels: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads photo and image at one size, the longer side 512 pixels at most; None where one cannot be read."""
    try:
        photo, image = (read_image(path, max_pixels).on_white() for path in reversed(pair))
    except ImageError:  # `rejected` lists it already
        return None
    height, width = photo.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return resize(photo, size), resize(image, size)


def _largest(faces: Sequence[Face]) -> Face | None:
    return max((face for face in faces if len(face.landmarks) == _LANDMARKS), key=lambda f: f.side, default=None)


def _same_place(face: Face, other: Face) -> bool:
    """Whether the other's middle lies within the face's box."""
    left, top, right, bottom = face.box
    x, y = other.center
    return left <= x <= right and top <= y <= bottom
