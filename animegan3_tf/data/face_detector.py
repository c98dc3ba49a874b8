"""MTCNN (Zhang et al., 2016) as a detector of faces; the one module that imports it."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf import images
from animegan3_tf.data.face import Face
from animegan3_tf.data.face_align import crop_matrix, to_source, warp

MAX_SIDE = 2048  # of the copy that is searched: bounds time and memory

_FACE_SIDE = 24  # pixels of the smallest face in that copy; MTCNN's own limit is 20
_LOOK_SIDE, _LOOK_MARGIN = 96, 0.25  # of the crop for the second look: the face measures 64 pixels there
_SAME_FACE = 0.4  # intersection over union of two boxes


class MtcnnDetector:
    """Finds photographed faces in two looks.

    The first look is at a copy of at most 2,048 pixels a side, reduced until the smallest faces measure 24 pixels. The
    second is at each face found, upright and at the size that suits MTCNN best: it makes the landmarks exact and gives
    the confidence; a face that it does not find again was none. The first call loads TensorFlow.

    Attributes:
        min_size: Side in pixels of the smallest faces that are found.
        settings: See `Detector`.
    """

    def __init__(self, min_size: int = 64) -> None:
        """Makes a detector.

        Args:
            min_size: Side in pixels of the smallest faces to find.
        """
        self.min_size = min_size
        self.settings = {
            "detector": "mtcnn",
            "mtcnn": importlib.metadata.version("mtcnn"),
            "tensorflow": importlib.metadata.version("tensorflow"),
            "min_size": min_size,
            "max_side": MAX_SIDE,
        }

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Returns the faces of each uint8 RGB photo [H, W, 3], best first; names are not needed."""
        return [self._faces(photo) for photo in photos]

    def _faces(self, photo: np.ndarray) -> list[Face]:
        copy = self._reduced(photo)
        found = []
        for face in self._search(copy):
            place = _scaled(face, photo.shape[0] / copy.shape[0], photo.shape[1] / copy.shape[1])
            matrix = crop_matrix(place, _LOOK_SIDE, _LOOK_MARGIN)
            if again := self._search(warp(photo, matrix, (_LOOK_SIDE, _LOOK_SIDE))):
                found.append(_placed(min(again, key=_off_center), matrix))
        return _distinct(found)

    def _reduced(self, photo: np.ndarray) -> np.ndarray:
        height, width = photo.shape[:2]
        factor = min(1.0, _FACE_SIDE / self.min_size, MAX_SIDE / max(height, width))
        return images.resize(photo, (max(1, round(height * factor)), max(1, round(width * factor))))

    @functools.cached_property
    def _search(self) -> Callable[[np.ndarray], list[Face]]:
        from mtcnn import MTCNN

        return _newer(MTCNN) if hasattr(MTCNN, "stages") else _older(MTCNN)


def _newer(mtcnn: Callable[..., Any]) -> Callable[[np.ndarray], list[Face]]:
    """Wraps MTCNN 1.x, one photo at a time.

    It takes several at once, but then mixes up the padding of several sizes, and what it finds in a photo differs in
    the last digits with the others: a run that was killed would not end with the bytes of one that was not.
    """
    import tensorflow as tf
    from mtcnn import stages

    # Absolute paths: it would rather take, and unpickle, a file of that name in the working folder.
    weights = Path(stages.__file__).parents[1] / "assets" / "weights"
    parts = [
        stages.StagePNet(weights=str(weights / "pnet.lz4")),
        stages.StageRNet(weights=str(weights / "rnet.lz4")),
        stages.StageONet(weights=str(weights / "onet.lz4")),
    ]
    for part in parts:  # as graphs: Keras' own calls would take most of the time
        part._model = tf.function(part.model, input_signature=[tf.TensorSpec([None, None, None, 3])])
    networks = mtcnn(stages=parts)

    def search(photo: np.ndarray) -> list[Face]:
        rows = networks.detect_faces([photo], output_type="numpy", box_format="xyxy", fit_to_image=False)
        # photo, box, confidence, five x, five y
        return [Face(tuple(row[1:5]), row[5], tuple(zip(row[6:11], row[11:16]))) for row in rows.tolist()]

    return search


def _older(mtcnn: Callable[..., Any]) -> Callable[[np.ndarray], list[Face]]:
    """Wraps MTCNN 0.1, the newest for Python 3.9."""
    networks = mtcnn()
    for network in (networks._pnet, networks._rnet, networks._onet):
        # Keras' predict() would trace each size anew and draw a progress bar.
        network.predict = lambda batch, network=network: [out.numpy() for out in network(batch, training=False)]

    def search(photo: np.ndarray) -> list[Face]:
        # It cuts landmarks down to whole pixels: four times finer where they matter, on the second look.
        factor = 4 if max(photo.shape[:2]) <= _LOOK_SIDE else 1
        networks.min_face_size = 20 * factor
        enlarged = images.resize(photo, (photo.shape[0] * factor, photo.shape[1] * factor))
        return [_scaled(face(found), 1 / factor, 1 / factor) for found in networks.detect_faces(enlarged)]

    def face(found: dict[str, Any]) -> Face:
        left, top, width, height = found["box"]
        points = [found["keypoints"][name] for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]
        box = (float(left), float(top), float(left + width), float(top + height))
        return Face(box, float(found["confidence"]), tuple((x + 0.5, y + 0.5) for x, y in points))

    return search


def _scaled(face: Face, rows: float, columns: float) -> Face:
    left, top, right, bottom = face.box
    points = tuple((x * columns, y * rows) for x, y in face.landmarks)
    return Face((left * columns, top * rows, right * columns, bottom * rows), face.confidence, points)


def _placed(face: Face, matrix: np.ndarray) -> Face:
    """Maps a face of a crop to the photo; the box keeps its sides' directions."""
    left, top, right, bottom = face.box
    ((x, y),) = to_source(matrix, [face.center])
    scale = np.hypot(*matrix[:, 0]) / 2
    wide, high = (right - left) * scale, (bottom - top) * scale
    box = (float(x - wide), float(y - high), float(x + wide), float(y + high))
    points = to_source(matrix, face.landmarks).tolist()
    return Face(box, face.confidence, tuple((x, y) for x, y in points))


def _off_center(face: Face) -> float:
    return np.hypot(*(np.array(face.center) - _LOOK_SIDE / 2))


def _distinct(faces: Iterable[Face]) -> list[Face]:
    """Sorts faces, best first, and leaves out those that overlap a better one."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(_overlap(face.box, other.box) < _SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, wide) * max(0.0, high)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return common / (areas - common)
