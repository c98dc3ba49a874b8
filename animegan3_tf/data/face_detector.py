"""Detectors of faces: MTCNN (Zhang et al., 2016), boxes from a file, and the middle of the photo."""

from __future__ import annotations

import contextlib
import csv
import functools
import importlib.metadata
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import StrPath, parse_json, read_bounded, regular_file, sha256_of
from animegan3_tf.data.face_align import Face, crop_matrix, to_source, warp

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
        factor = min(1.0, _FACE_SIDE / self.min_size, MAX_SIDE / max(photo.shape[:2]))
        return images.resize(photo, images.scaled_size(photo.shape, factor))

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
    kinds = {"pnet": stages.StagePNet, "rnet": stages.StageRNet, "onet": stages.StageONet}
    with _closed_twice():
        parts = [kind(weights=str(weights / f"{name}.lz4")) for name, kind in kinds.items()]
    for part in parts:  # as graphs: Keras' own calls would take most of the time
        part._model = tf.function(part.model, input_signature=[tf.TensorSpec([None, None, None, 3])], autograph=False)
    networks = mtcnn(stages=parts)

    def search(photo: np.ndarray) -> list[Face]:
        rows = networks.detect_faces([photo], output_type="numpy", box_format="xyxy", fit_to_image=False)
        # photo, box, confidence, five x, five y
        return [Face(tuple(row[1:5]), row[5], tuple(zip(row[6:11], row[11:16]))) for row in rows.tolist()]

    return search


@contextlib.contextmanager
def _closed_twice() -> Iterator[None]:
    """Hides what Python 3.13 prints when lz4 flushes a file that it has closed; nothing was to be written."""
    before = sys.unraisablehook

    def hook(raised: Any) -> None:
        if "closed file" not in str(raised.exc_value):
            before(raised)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


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


_COLUMNS = ("left", "top", "right", "bottom")
_EYES = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y")


class GivenBoxes:
    """A detector that looks faces up in a file (UTF-8), by the photo's path below its folder.

    CSV with a header: file, left, top, right, bottom; optionally confidence, and left_eye_x, left_eye_y, right_eye_x,
    right_eye_y, by which the crop is levelled. JSON: {file: [face, ...]}, a face either [left, top, right, bottom] or
    an object with the names of the columns. Pixels, counted from the top left corner.

    Attributes:
        settings: The name of this detector and the sha256 of the file.
    """

    def __init__(self, path: StrPath) -> None:
        """Reads the file.

        Args:
            path: A CSV file, or a JSON file by its suffix.

        Raises:
            UserError: The file cannot be read or is neither, or a line of it makes no box.
        """
        path = Path(path)
        self._faces: dict[str, list[Face]] = {}
        read = _json_rows if path.suffix.lower() == ".json" else _csv_rows
        try:
            for place, name, values in read(regular_file(path)):
                if not name:
                    raise UserError(f"boxes {quote(path)}, {place}: no file; name the photo")
                self._faces.setdefault(name, []).append(_face(values, f"{quote(path)}, {place}"))
            self.settings = {"detector": "boxes", "sha256": sha256_of(path)}
        except OSError as error:
            raise UserError(f"boxes {quote(path)} cannot be read ({error.strerror}); check the path") from None
        except (ValueError, AttributeError, TypeError, csv.Error) as error:
            raise UserError(
                f"boxes {quote(path)} are neither CSV nor JSON ({one_line(error)}); save them as one of these"
            ) from None

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Returns the faces given for each name; none for a photo that the file does not name."""
        return [self._faces.get(name, []) for name in names]


def _csv_rows(path: Path) -> Iterator[tuple[str, str, dict]]:
    with open(regular_file(path), newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        missing = [column for column in ("file", *_COLUMNS) if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"boxes {quote(path)} have no column {', '.join(missing)}; add it to the first line")
        for row in reader:
            yield f"line {reader.line_num}", row["file"], {key: value for key, value in row.items() if value}


def _json_rows(path: Path) -> Iterator[tuple[str, str, dict]]:
    for name, faces in parse_json(read_bounded(path)).items():
        for number, face in enumerate(faces, start=1):
            values = dict(zip(_COLUMNS, face)) if isinstance(face, list) else dict(face)
            yield f"face {number} of {name!r}", name, values


def _face(values: dict, place: str) -> Face:
    """Makes a face of the values; raises `UserError` naming `place` unless they are numbers that make a box."""
    try:
        left, top, right, bottom = (float(values[column]) for column in _COLUMNS)
        eyes = [float(values[column]) for column in _EYES] if _EYES[0] in values else []
        confidence = float(values.get("confidence", 1.0))
        numbers = (left, top, right, bottom, *eyes, confidence)
        fits = all(map(math.isfinite, numbers)) and left < right and top < bottom
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise UserError(f"boxes {place}: no box; give left < right and top < bottom as numbers, and all eyes or none")
    return Face((left, top, right, bottom), confidence, tuple(zip(eyes[::2], eyes[1::2])))


class CenterCrop:
    """A detector that takes the largest square in the middle of each image for its face; use it with margin 0."""

    settings = {"detector": "center"}  # noqa: RUF012  (read only)

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Returns one face for each image, without landmarks; names are not needed."""
        return [[_central(*photo.shape[:2])] for photo in photos]


def _central(height: int, width: int) -> Face:
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    return Face((left, top, left + side, top + side))
