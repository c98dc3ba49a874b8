"""What an export was asked for, checked before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.sizes import check_side

FORMATS = ("saved_model", "tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8")


@dataclass(frozen=True)
class ExportPlan:
    """formats, precisions: of the tuples above. sizes: sides of the fixed-size .tflite files,
    which `check_sizes` holds against the model.

    calibrate: folder of the photos that int8 is fitted to. photos: folder of those every file is checked on, or None
    for three bundled ones. litert: a Python that has ai-edge-litert, to run the .tflite files; this one by default.
    card: name, version, author, license, trained_on that replace what the weights file says.

    UserError for what cannot be done.
    """

    formats: tuple[str, ...] = ("saved_model", "tflite")
    sizes: tuple[int, ...] = (256,)
    precisions: tuple[str, ...] = ("float32",)
    calibrate: Path | None = None
    photos: Path | None = None
    litert: Path | None = None
    card: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self):
        """Refuses what could not be exported of any model."""
        for option, values, known in (("format", self.formats, FORMATS), ("precision", self.precisions, PRECISIONS)):
            for value in values:
                if value not in known:
                    raise UserError(f"--{option} {value!r} is unknown; choose from {','.join(known)}")
        for option, values in (("format", self.formats), ("precision", self.precisions), ("size", self.sizes)):
            if not values:
                raise UserError(f"--{option} names nothing; leave it out for the default")
        if "tflite" in self.formats and "int8" in self.precisions and self.calibrate is None:
            raise UserError("--precision int8 is fitted to photos; name a folder of them with --calibrate DIR")
        if self.litert is not None and not self.litert.is_file():
            raise UserError(f"--litert {str(self.litert)!r} does not exist; name a Python that has ai-edge-litert")
        if "onnx" in self.formats:
            from animegan3_tf.export.onnx import check_onnx

            check_onnx()

    def check_sizes(self, multiple):
        """UserError where a size is none that a model takes whose heights and widths are multiples of `multiple`."""
        for size in self.sizes:
            check_side(size, "--size", multiple)
