"""Exports a generator in every format asked for, runs each file and compares it with the model it came from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.export.card import BYTE_RANGE, FLOAT_RANGE, INPUT, OUTPUT, card_of
from animegan3_tf.export.comparison import LIMITS, Comparison, compare
from animegan3_tf.export.litert import run_litert
from animegan3_tf.export.metadata import with_metadata
from animegan3_tf.export.onnx import convert_onnx, run_onnx
from animegan3_tf.export.photos import bundled_photos, fitted, read_photos
from animegan3_tf.export.plan import ExportPlan
from animegan3_tf.export.saved_model import run_saved_model, write_saved_model
from animegan3_tf.export.tflite import convert_tflite
from animegan3_tf.generator_file import digest, open_generator
from animegan3_tf.images import quote

REPORT = "export.json"
COMPARED = "compared"  # folder of the pictures: photo, model, file
_CALIBRATION_PHOTOS = 32
_CHECK_PHOTOS = 8


@dataclass(frozen=True)
class ExportedFile:
    """One exported file or folder, compared. told: what its runtime says of it, as plain values."""

    path: Path
    format: str
    size: int | None
    precision: str
    bytes: int
    comparison: Comparison
    told: dict


def export_generator(model, out, plan=None, show=None):
    """Writes what an `ExportPlan` asks for into the folder `out`, and `export.json`, which describes it.

    model: a run folder, a weights file or a published generator. Returns an ExportedFile each; `show`, if given, takes
    each when it is ready.
    Raises UserError where a file's pictures are further from the Keras model's than `LIMITS` allow, or cannot be made;
    then `out` stays as it was. Files of an earlier export that this one does not write stay too.
    """
    plan, out, opened = plan or ExportPlan(), Path(out), open_generator(model)
    if opened is None:
        wrong = "cannot be exported" if os.path.exists(model) else "does not exist"
        raise UserError(
            f"{quote(model)} {wrong}; name a run folder (with generator.h5), a weights file (.h5), a name "
            "of `animegan3 models` or a published generator (.pb, .onnx, TF.js, checkpoint)"
        )
    header, architecture, generator = opened.header, opened.architecture, opened.network
    plan.check_sizes(architecture.multiple)
    card = card_of(header, architecture.title, plan.card)
    calibration = read_photos(plan.calibrate, _CALIBRATION_PHOTOS, "--calibrate") if _calibrates(plan) else None
    photos = read_photos(plan.photos, _CHECK_PHOTOS, "--photos") if plan.photos else bundled_photos()
    try:
        out.mkdir(parents=True, exist_ok=True)
        # whole and checked before anything of it stands in `out`
        with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as folder:
            export = _Export(generator, architecture, card, plan, photos, calibration, Path(folder), show)
            files = export.run()
            _write_report(Path(folder, REPORT), files, card, header, digest(opened.files))
            _move_all(Path(folder), out)
    except OSError as error:
        raise UserError(f"export into {str(out)!r} failed: {error.strerror or error}") from error
    return [dataclasses.replace(file, path=out / file.path.name) for file in files]


def _calibrates(plan):
    return "tflite" in plan.formats and "int8" in plan.precisions


class _Export:
    """The steps of one export into a folder of its own."""

    def __init__(self, generator, architecture, card, plan, photos, calibration, folder, show):
        self.generator, self.architecture, self.card = generator, architecture, card
        self.plan, self.photos, self.calibration, self.folder = plan, photos, calibration, folder
        self.show = show or (lambda file: None)
        self._expected = {}

    def run(self):
        """Writes and compares every file; returns them."""
        (self.folder / COMPARED).mkdir()
        writers = {"saved_model": self._saved_model, "tflite": self._tflite, "onnx": self._onnx}
        return [file for name, write in writers.items() if name in self.plan.formats for file in write()]

    def _saved_model(self):
        path = self.folder / "saved_model"
        write_saved_model(path, self.generator, self.card, self.architecture.multiple)
        yield self._compared(path, "saved_model", None, "float32", run_saved_model, LIMITS["saved_model"])

    def _tflite(self):
        run = partial(run_litert, python=self.plan.litert)
        for size in self.plan.sizes:
            calibration = None if self.calibration is None else fitted(self.calibration, (size, size))
            contents = convert_tflite(self.generator, size, self.plan.precisions, calibration)
            for precision, content in contents.items():
                yield self._tflite_file(content, size, precision, run)
        if "float32" in self.plan.precisions:
            content = convert_tflite(self.generator, None, ["float32"])["float32"]
            yield self._tflite_file(content, None, "float32", run)

    def _tflite_file(self, content, size, precision, run):
        path = self.folder / f"generator_{size or 'dynamic'}_{precision}.tflite"
        levels = BYTE_RANGE if precision == "int8_uint8io" else FLOAT_RANGE
        path.write_bytes(with_metadata(content, self.card, INPUT.format(levels), OUTPUT.format(levels)))
        return self._compared(path, "tflite", size, precision, run, LIMITS[precision])

    def _onnx(self):
        path = self.folder / "generator.onnx"
        path.write_bytes(convert_onnx(self.generator, self.card))
        yield self._compared(path, "onnx", None, "float32", run_onnx, LIMITS["float32"])

    def _compared(self, path, kind, size, precision, run, limits):
        """Runs a file on the photos, keeps a picture of the worst, and refuses what is too far off."""
        side = size or min(self.plan.sizes)
        photos, expected = self._pictures((side, side if size else side + 16))  # not square where that is open
        try:
            pictures, told = run(path, photos)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path.name} does not run: {error}") from error
        comparison = compare(expected, pictures)
        over = comparison.over(limits)
        if over:
            raise UserError(f"{path.name} differs from the Keras model {over}; nothing was written")
        rows = [[_levels(array[comparison.worst]) for array in (photos, expected, pictures)]]
        images.write_image(self.folder / COMPARED / f"{path.stem}.png", images.grid(rows))
        file = ExportedFile(path, kind, size, precision, _bytes(path), comparison, {**told, "limits": limits})
        self.show(file)
        return file

    def _pictures(self, shape):
        """The photos at a shape, and the Keras model's pictures of them."""
        if shape not in self._expected:
            photos = fitted(self.photos, shape)
            pictures = [self.generator(photo[None], training=False).numpy()[0] for photo in photos]
            self._expected[shape] = photos, np.stack(pictures)
        return self._expected[shape]


def _write_report(path, files, card, header, sha256):
    described = [
        {
            "file": file.path.name,
            "format": file.format,
            "precision": file.precision,
            "size": file.size,
            "bytes": file.bytes,
            "sha256": _digest(file.path),
            "difference": {
                "max": file.comparison.max_difference,
                "mean": file.comparison.mean_difference,
                # JSON has no infinity
                "psnr": file.comparison.psnr if file.comparison.max_difference else None,
                "worst_psnr": file.comparison.worst_psnr if file.comparison.max_difference else None,
            },
            "picture": f"{COMPARED}/{file.path.stem}.png",
            **file.told,
        }
        for file in files
    ]
    report = {
        "model": {**card.to_dict(), "resize": header.get("resize"), "sha256": sha256},
        "input": "photo",
        "output": "anime",
        "files": described,
    }
    path.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _move_all(folder, out):
    """Moves what stands in a folder into another, over what is there; pictures of files that stay are kept."""
    for source in folder.iterdir():
        target = out / source.name
        if source.name == COMPARED:
            target.mkdir(exist_ok=True)
            _move_all(source, target)
            continue
        if target.is_dir():  # an earlier SavedModel
            shutil.rmtree(target)
        os.replace(source, target)


def _levels(picture):
    return ((picture + 1.0) * 127.5).round().clip(0, 255).astype("uint8")


def _digest(path):
    """Of a file; of a folder, over the names and digests of its files in order."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    lines = (f"{_digest(file)}  {file.relative_to(path).as_posix()}\n" for file in _files(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _bytes(path):
    return path.stat().st_size if path.is_file() else sum(file.stat().st_size for file in _files(path))


def _files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())
