"""Exports a generator and compares every file with the model it came from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.architectures import architecture_of
from animegan3_tf.errors import UserError
from animegan3_tf.export.saved_model import write_saved_model
from animegan3_tf.export.silence import silence
from animegan3_tf.export.tflite import write_tflite
from animegan3_tf.networks import load_generator
from animegan3_tf.sizes import check_side
from animegan3_tf.stylizer import load_stylizer
from animegan3_tf.weights_file import read_header, weights_of

# largest difference to the Keras model on a photo, in [-1, 1]
LIMITS = {"saved_model": 1e-5, "tflite": 1e-4}


@dataclass(frozen=True)
class ExportResult:
    """One exported file or folder: its size in bytes and its largest difference to the Keras model, in [-1, 1]."""

    path: Path
    bytes: int
    difference: float


def export_generator(model, out, size=256):
    """Writes `saved_model/` (any size from 16x16) and `generator_<size>.tflite` (float32, one size) into `out`.

    model: a run folder or a weights file. Returns an ExportResult for each. Raises UserError where a file's picture
    differs from the Keras model's by more than its limit; the file is left for inspection.
    """
    weights, out = weights_of(model), Path(out)
    multiple = architecture_of(read_header(weights), weights).multiple
    check_side(size, "--size", multiple)
    generator = load_generator(weights)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"export folder {str(out)!r} cannot be made: {error.strerror}") from error
    photo = _photo(size)
    expected = generator(photo, training=False).numpy()
    results = []
    # converted from the direct form, TFLite's file is a fifth smaller and nearer to the model than from the other
    direct = load_generator(weights, lade="direct")
    with silence():
        folder = write_saved_model(out / "saved_model", generator, multiple)
        file = write_tflite(out / f"generator_{size}.tflite", direct, size)
    for kind, path in (("saved_model", folder), ("tflite", file)):
        difference = float(np.abs(load_stylizer(path).forward(photo) - expected).max())
        if not difference <= LIMITS[kind]:  # so written, NaN fails too
            raise UserError(
                f"{str(path)!r} differs from the Keras model by {difference:.1e}, over the limit of "
                f"{LIMITS[kind]:.0e}; do not ship it"
            )
        results.append(ExportResult(path, _bytes(path), difference))
    return results


def _photo(size):
    """A real photo (public domain, NASA), float32 [1, size, size, 3] in [-1, 1]."""
    import skimage.data

    return images.resize(skimage.data.astronaut(), (size, size))[None].astype(np.float32) / 127.5 - 1.0


def _bytes(path):
    if path.is_file():
        return path.stat().st_size
    return sum(os.path.getsize(Path(folder, name)) for folder, _, names in os.walk(path) for name in names)
