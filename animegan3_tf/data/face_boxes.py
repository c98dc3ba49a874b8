"""Faces that another detector found, such as one for anime: boxes from a CSV or JSON file."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from animegan3_tf.data.face import Face
from animegan3_tf.data.ledger import sha256_of
from animegan3_tf.errors import UserError, one_line
from animegan3_tf.images import quote

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

    def __init__(self, path: str | os.PathLike) -> None:
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
            for place, name, values in read(path):
                if not name:
                    raise UserError(f"boxes {quote(path)}, {place}: no file; name the photo")
                self._faces.setdefault(name, []).append(_face(values, f"{quote(path)}, {place}"))
            self.settings = {"detector": "boxes", "sha256": sha256_of(path)}
        except OSError as error:
            raise UserError(f"boxes {quote(path)} cannot be read ({error.strerror}); check the path") from None
        except (ValueError, AttributeError, TypeError) as error:
            raise UserError(
                f"boxes {quote(path)} are neither CSV nor JSON ({one_line(error)}); save them as one of these"
            ) from None

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Returns the faces given for each name; none for a photo that the file does not name."""
        return [self._faces.get(name, []) for name in names]


def _csv_rows(path: Path) -> Iterator[tuple[str, str, dict]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        missing = [column for column in ("file", *_COLUMNS) if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"boxes {quote(path)} have no column {', '.join(missing)}; add it to the first line")
        for row in reader:
            yield f"line {reader.line_num}", row["file"], {key: value for key, value in row.items() if value}


def _json_rows(path: Path) -> Iterator[tuple[str, str, dict]]:
    for name, faces in json.loads(path.read_text(encoding="utf-8-sig")).items():
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
