"""MTCNN (Zhang et al., 2016) as a detector of faces; the one module that imports it."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.data.face import Face
from animegan3_tf.data.face_align import crop_matrix, to_source, warp

MAX_SIDE = 2048  # of the copy that is searched: bounds time and memory

_FACE_SIDE = 24  # pixels of the smallest face in that copy; MTCNN's own limit is 20
_LOOK_SIDE, _LOOK_MARGIN = 96, 0.25  # of the crop that the second look sees: the face measures 64 pixels there
_BATCH, _BATCH_PIXELS = 16, 2_000_000
_SAME_FACE = 0.4  # intersection over union of two boxes


class MtcnnDetector:
    """Finds photographed faces of `min_size` pixels or more in two looks.

    The first look is at a copy reduced so that such faces measure 24 pixels, and is at most 2,048 pixels a side. The
    second is at each face found, upright and of MTCNN's favourite size: it makes the landmarks exact and gives the
    confidence; what it does not see again was no face. TensorFlow is loaded by the first call.
    """

    def __init__(self, min_size: int = 64):
        self.min_size = min_size
        self.settings = {
            "detector": "mtcnn",
            "mtcnn": importlib.metadata.version("mtcnn"),
            "tensorflow": importlib.metadata.version("tensorflow"),
            "min_size": min_size,
            "max_side": MAX_SIDE,
        }

    def __call__(self, pictures: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """The faces of each uint8 RGB picture [H, W, 3], best first; names are not needed."""
        copies = [self._reduced(picture) for picture in pictures]
        places = [
            (number, _scaled(face, picture.shape[0] / copy.shape[0], picture.shape[1] / copy.shape[1]))
            for number, (picture, copy, faces) in enumerate(zip(pictures, copies, self._search(copies)))
            for face in faces
        ]
        matrices = [crop_matrix(face, _LOOK_SIDE, _LOOK_MARGIN) for _, face in places]
        crops = [warp(pictures[number], m, (_LOOK_SIDE, _LOOK_SIDE)) for (number, _), m in zip(places, matrices)]
        found = [[] for _ in pictures]
        for (number, _), matrix, faces in zip(places, matrices, self._search(crops)):
            if faces:
                found[number].append(_placed(min(faces, key=_off_center), matrix))
        return [_distinct(faces) for faces in found]

    def _reduced(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        factor = min(1.0, _FACE_SIDE / self.min_size, MAX_SIDE / max(height, width))
        return images.resize(picture, (max(1, round(height * factor)), max(1, round(width * factor))))

    def _search(self, pictures: Sequence[np.ndarray]) -> list[list[Face]]:
        found = [[] for _ in pictures]
        for numbers in _batches(pictures):
            for number, faces in zip(numbers, self._networks([pictures[number] for number in numbers])):
                found[number] = faces
        return found

    @functools.cached_property
    def _networks(self) -> Callable[[list[np.ndarray]], list[list[Face]]]:
        from mtcnn import MTCNN

        return _batched(MTCNN) if hasattr(MTCNN, "stages") else _one_by_one(MTCNN)


def _batched(mtcnn: type) -> Callable[[list[np.ndarray]], list[list[Face]]]:
    """MTCNN 1.x on pictures of one size: with several sizes it mixes up their padding."""
    from mtcnn import stages

    # Absolute paths: it would rather take, and unpickle, a file of that name in the working folder.
    weights = Path(stages.__file__).parents[1] / "assets" / "weights"
    networks = mtcnn(
        stages=[
            stages.StagePNet(weights=str(weights / "pnet.lz4")),
            stages.StageRNet(weights=str(weights / "rnet.lz4")),
            stages.StageONet(weights=str(weights / "onet.lz4")),
        ]
    )

    def search(pictures):
        rows = networks.detect_faces(pictures, output_type="numpy", box_format="xyxy", fit_to_image=False)
        found = [[] for _ in pictures]
        for row in rows.tolist():  # picture, box, confidence, five x, five y
            found[int(row[0])].append(Face(tuple(row[1:5]), row[5], tuple(zip(row[6:11], row[11:16]))))
        return found

    return search


def _one_by_one(mtcnn: type) -> Callable[[list[np.ndarray]], list[list[Face]]]:
    """MTCNN 0.1, the newest for Python 3.9."""
    networks = mtcnn()
    for network in (networks._pnet, networks._rnet, networks._onet):
        # Keras' predict() would trace each size anew and draw a progress bar.
        network.predict = lambda batch, network=network: [out.numpy() for out in network(batch, training=False)]

    def search(picture):
        # It cuts landmarks down to whole pixels: four times finer where they matter, on the second look.
        factor = 4 if max(picture.shape[:2]) <= _LOOK_SIDE else 1
        networks.min_face_size = 20 * factor
        enlarged = images.resize(picture, (picture.shape[0] * factor, picture.shape[1] * factor))
        return [_scaled(face(found), 1 / factor, 1 / factor) for found in networks.detect_faces(enlarged)]

    def face(found):
        left, top, width, height = found["box"]
        points = [found["keypoints"][name] for name in ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")]
        box = (float(left), float(top), float(left + width), float(top + height))
        return Face(box, float(found["confidence"]), tuple((x + 0.5, y + 0.5) for x, y in points))

    return lambda pictures: [search(picture) for picture in pictures]


def _batches(pictures: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Numbers of pictures of one size, as many as fit in a batch."""
    by_size = {}
    for number, picture in enumerate(pictures):
        by_size.setdefault(picture.shape, []).append(number)
    for (height, width, _), numbers in by_size.items():
        most = max(1, min(_BATCH, _BATCH_PIXELS // (height * width)))
        for start in range(0, len(numbers), most):
            yield numbers[start : start + most]


def _scaled(face: Face, rows: float, columns: float) -> Face:
    left, top, right, bottom = face.box
    points = tuple((x * columns, y * rows) for x, y in face.landmarks)
    return Face((left * columns, top * rows, right * columns, bottom * rows), face.confidence, points)


def _placed(face: Face, matrix: np.ndarray) -> Face:
    """A face of a crop where it is in the photo; the box keeps its sides' directions."""
    left, top, right, bottom = face.box
    ((x, y),) = to_source(matrix, [face.center])
    scale = np.hypot(*matrix[:, 0]) / 2
    wide, high = (right - left) * scale, (bottom - top) * scale
    box = (x - wide, y - high, x + wide, y + high)
    return Face(tuple(map(float, box)), face.confidence, tuple(map(tuple, to_source(matrix, face.landmarks).tolist())))


def _off_center(face: Face) -> float:
    return np.hypot(*(np.array(face.center) - _LOOK_SIDE / 2))


def _distinct(faces: Iterable[Face]) -> list[Face]:
    """Best first, without those that are an earlier one seen again."""
    kept = []
    for face in sorted(faces, key=lambda face: -face.confidence):
        if all(_overlap(face.box, other.box) < _SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(a, b) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, wide) * max(0.0, high)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return common / (areas - common)
