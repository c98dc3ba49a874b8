"""Exports a generator to the requested formats, runs each file and compares it with the Keras model."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import sha256_of, work_folder
from animegan3_tf.export.convert import convert_onnx, convert_tflite, write_saved_model
from animegan3_tf.export.metadata import with_metadata
from animegan3_tf.export.plan import (
    BYTE_RANGE,
    FLOAT_RANGE,
    INPUT,
    LIMITS,
    OUTPUT,
    Card,
    ExportPlan,
    OutputDifference,
    bundled_photos,
    card_of,
    compare_outputs,
    fitted,
    read_photos,
)
from animegan3_tf.models.exported import OPSET, open_in_onnx_runtime, open_saved_model
from animegan3_tf.models.litert import run_litert
from animegan3_tf.models.model import Model, accepted, open_model, size_of
from animegan3_tf.models.trust import trusted
from animegan3_tf.networks.architectures import Architecture

REPORT = "export.json"
COMPARED = "compared"  # folder of the images: photo, model, file
_CALIBRATION_PHOTOS = 32
_CHECK_PHOTOS = 8
_Run = Callable[[Path, np.ndarray], "tuple[np.ndarray, dict[str, Any]]"]  # (file, photos) -> images, runtime's facts


@dataclass(frozen=True)
class ExportedFile:
    """One exported file or folder that was run and compared.

    Attributes:
        path: The file, or the SavedModel's folder.
        format: "saved_model", "tflite" or "onnx".
        size: Side of its images in pixels; None where it takes any size.
        precision: One of `plan.PRECISIONS`, or "int8_uint8io".
        bytes: Size of the file or of all files in the folder.
        comparison: How far its images are from the Keras model's.
        facts: Plain values that go into the report: the runtime, what it reports about the file, and the limits.
    """

    path: Path
    format: str
    size: int | None
    precision: str
    bytes: int
    comparison: OutputDifference
    facts: dict[str, Any]


def export_generator(
    model: str | os.PathLike,
    out: str | os.PathLike,
    plan: ExportPlan | None = None,
    show: Callable[[ExportedFile], None] | None = None,
) -> list[ExportedFile]:
    """Exports a generator, with `export.json`, which describes the files.

    Files of an earlier export that this one does not write stay in `out`.

    Args:
        model: A run folder, a weights file, a shipped checkpoint's name or a published generator.
        out: Folder for the files, made if missing.
        plan: Formats, sizes and precisions; by default those of `ExportPlan`.
        show: Called with each file when it is ready.

    Returns:
        The exported files.

    Raises:
        UserError: The model cannot be read, or a file cannot be written or differs from the Keras model by more than
            `LIMITS` allow; `out` then stays as it was.
    """
    plan, out, opened = plan or ExportPlan(), Path(out), open_model(model, networks=True)
    header, architecture, generator = opened.header, opened.architecture, opened.network
    if architecture is None or generator is None:
        raise UserError(f"{quote(model)} cannot be exported; name {accepted(networks=True)}")
    plan.check_sizes(architecture.multiple)
    card = card_of(header, architecture.title, plan.card)
    calibration = None
    if plan.calibrate is not None and "tflite" in plan.formats and "int8" in plan.precisions:
        calibration = read_photos(plan.calibrate, _CALIBRATION_PHOTOS, "--calibrate")
    photos = read_photos(plan.photos, _CHECK_PHOTOS, "--photos") if plan.photos else bundled_photos()
    try:
        out.mkdir(parents=True, exist_ok=True)
        # all files are written and checked before any appears in `out`
        with work_folder(out, ".export-") as folder:
            new = folder / "new"
            new.mkdir()
            files = _Export(generator, architecture, card, plan, photos, calibration, new, show).run()
            _write_report(folder / REPORT, files, card, header, opened.sha256)
            _move_all(new, out, folder / "old")
            os.replace(folder / REPORT, out / REPORT)
    except OSError as error:
        raise UserError(f"export into {str(out)!r} failed: {error.strerror or error}") from error
    return [dataclasses.replace(file, path=out / file.path.name) for file in files]


@dataclass
class _Export:
    """One export into an empty folder.

    Attributes:
        generator: The Keras model, [N, H, W, 3] in [-1, 1].
        architecture: Its architecture.
        card: The text for the files' metadata.
        plan: What to write.
        photos: uint8 RGB images that every file is checked on.
        calibration: uint8 RGB images that int8 is fitted to; None where the plan has no int8.
        folder: Where to write.
        show: Called with each file when it is ready, or None.
    """

    generator: tf.keras.Model
    architecture: Architecture
    card: Card
    plan: ExportPlan
    photos: list[np.ndarray]
    calibration: list[np.ndarray] | None
    folder: Path
    show: Callable[[ExportedFile], None] | None
    _expected: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def run(self) -> list[ExportedFile]:
        """Writes and compares every file."""
        (self.folder / COMPARED).mkdir()
        writers = {"saved_model": self._saved_model, "tflite": self._tflite, "onnx": self._onnx}
        return [file for name, write in writers.items() if name in self.plan.formats for file in write()]

    def _saved_model(self) -> Iterator[ExportedFile]:
        path = self.folder / "saved_model"
        write_saved_model(path, self.generator, self.card, self.architecture.multiple)
        yield self._compared(path, "saved_model", None, "float32", _run_saved_model, LIMITS["saved_model"])

    def _tflite(self) -> Iterator[ExportedFile]:
        run = partial(run_litert, python=self.plan.litert)
        for size in self.plan.sizes:
            calibration = None if self.calibration is None else fitted(self.calibration, (size, size))
            contents = convert_tflite(self.generator, size, self.plan.precisions, calibration)
            for precision, content in contents.items():
                yield self._tflite_file(content, size, precision, run)
        if "float32" in self.plan.precisions:
            content = convert_tflite(self.generator, None, ["float32"])["float32"]
            yield self._tflite_file(content, None, "float32", run)

    def _tflite_file(self, content: bytes, size: int | None, precision: str, run: _Run) -> ExportedFile:
        path = self.folder / f"generator_{size or 'dynamic'}_{precision}.tflite"
        levels = BYTE_RANGE if precision == "int8_uint8io" else FLOAT_RANGE
        path.write_bytes(with_metadata(content, self.card, INPUT.format(levels), OUTPUT.format(levels)))
        return self._compared(path, "tflite", size, precision, run, LIMITS[precision])

    def _onnx(self) -> Iterator[ExportedFile]:
        path = self.folder / "generator.onnx"
        path.write_bytes(convert_onnx(self.generator, self.card))
        yield self._compared(path, "onnx", None, "float32", _run_onnx, LIMITS["float32"])

    def _compared(
        self, path: Path, kind: str, size: int | None, precision: str, run: _Run, limits: dict[str, float]
    ) -> ExportedFile:
        """Runs a file on the photos, writes an image of the worst result, and refuses a file over its limits."""
        side = size or min(self.plan.sizes)
        photos, expected = self._references((side, side if size else side + 16))  # not square where any size goes
        try:
            drawings, facts = run(path, photos)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{path.name} does not run: {error}") from error
        comparison = compare_outputs(expected, drawings)
        over = comparison.over(limits)
        if over:
            raise UserError(f"{path.name} differs from the Keras model {over}; nothing was written")
        rows = [[_levels(array[comparison.worst]) for array in (photos, expected, drawings)]]
        images.write_image(self.folder / COMPARED / f"{path.stem}.png", images.grid(rows))
        file = ExportedFile(path, kind, size, precision, size_of(path), comparison, {**facts, "limits": limits})
        if self.show:
            self.show(file)
        return file

    def _references(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The photos at (H, W), and the Keras model's drawings of them: float32 [N, H, W, 3] in [-1, 1]."""
        if shape not in self._expected:
            photos = fitted(self.photos, shape)
            drawings = [self.generator(photo[None], training=False).numpy()[0] for photo in photos]
            self._expected[shape] = photos, np.stack(drawings)
        return self._expected[shape]


def _run_saved_model(path: Path, photos: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    return _drawn(open_saved_model(path), photos), {"runtime": f"tensorflow {tf.__version__} (tf.saved_model)"}


def _run_onnx(path: Path, photos: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    import onnxruntime

    with trusted():  # it has just been written here
        drawings = _drawn(open_in_onnx_runtime(path), photos)
    return drawings, {"runtime": f"onnxruntime {onnxruntime.__version__}", "opset": OPSET}


def _drawn(model: Model, photos: np.ndarray) -> np.ndarray:
    return np.concatenate([model.forward(photo[None]) for photo in photos])


def _write_report(
    path: Path, files: Sequence[ExportedFile], card: Card, header: Mapping[str, Any], sha256: str
) -> None:
    described = [
        {
            "file": file.path.name,
            "format": file.format,
            "precision": file.precision,
            "size": file.size,
            "bytes": file.bytes,
            "sha256": sha256_of(file.path),
            "difference": {
                "max": file.comparison.max_difference,
                "mean": file.comparison.mean_difference,
                # JSON has no infinity
                "psnr": file.comparison.psnr if file.comparison.max_difference else None,
                "worst_psnr": file.comparison.worst_psnr if file.comparison.max_difference else None,
            },
            "picture": f"{COMPARED}/{file.path.stem}.png",
            **file.facts,
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


def _move_all(new: Path, out: Path, old: Path) -> None:
    """Moves what lies in `new` into `out`, and what it replaces into `old`; `compared/` is merged.

    A kill leaves whole files only: nothing is deleted in its place. The earlier report goes first, since it would
    describe files that are there no longer.
    """
    old.mkdir()
    if (out / REPORT).exists():
        os.replace(out / REPORT, old / REPORT)
    for source in sorted(new.iterdir()):
        target = out / source.name
        if source.name == COMPARED:
            target.mkdir(exist_ok=True)
            for picture in source.iterdir():
                os.replace(picture, target / picture.name)
            continue
        if target.is_dir():  # an earlier SavedModel
            os.replace(target, old / source.name)
        os.replace(source, target)


def _levels(image: np.ndarray) -> np.ndarray:
    """[-1, 1] to uint8."""
    return ((image + 1.0) * 127.5).round().clip(0, 255).astype("uint8")
