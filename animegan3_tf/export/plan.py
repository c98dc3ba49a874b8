"""The settings of an export, checked before TensorFlow is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from animegan3_tf.common.errors import UserError
from animegan3_tf.networks.architectures import check_side

FORMATS = ("saved_model", "tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8")


@dataclass(frozen=True)
class ExportPlan:
    """The settings of an export.

    Attributes:
        formats: Some of `FORMATS`.
        sizes: Sides in pixels of the fixed-size .tflite files; `check_sizes` compares them with the model.
        precisions: Some of `PRECISIONS`, for .tflite files.
        calibrate: Folder of the photos that int8 is fitted to.
        photos: Folder of the photos that every file is checked on; None for three bundled ones.
        litert: A Python that has ai-edge-litert, to run the .tflite files; None for this one.
        card: Values of name, version, author, license and trained_on that replace the weights file's.

    Raises:
        UserError: A value is unknown or missing, or a package that the formats need is not installed.
    """

    formats: tuple[str, ...] = ("saved_model", "tflite")
    sizes: tuple[int, ...] = (256,)
    precisions: tuple[str, ...] = ("float32",)
    calibrate: Path | None = None
    photos: Path | None = None
    litert: Path | None = None
    card: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Checks the settings that do not depend on the model."""
        for option, values, known in (("format", self.formats, FORMATS), ("precision", self.precisions, PRECISIONS)):
            for value in values:
                if value not in known:
                    raise UserError(f"--{option} {value!r} is unknown; choose from {','.join(known)}")
        lists = {"format": self.formats, "precision": self.precisions, "size": self.sizes}
        for option, listed in lists.items():
            if not listed:
                raise UserError(f"--{option} names nothing; leave it out for the default")
        if "tflite" in self.formats and "int8" in self.precisions and self.calibrate is None:
            raise UserError("--precision int8 is fitted to photos; name a folder of them with --calibrate DIR")
        if self.litert is not None and not self.litert.is_file():
            raise UserError(f"--litert {str(self.litert)!r} does not exist; name a Python that has ai-edge-litert")
        if "onnx" in self.formats:
            from animegan3_tf.models.exported import check_onnx

            check_onnx()

    def check_sizes(self, multiple: int) -> None:
        """Checks the sizes against a model whose sides are multiples of `multiple`; raises UserError."""
        for size in self.sizes:
            check_side(size, "--size", multiple)
