"""What an export writes, checked before TensorFlow is loaded, and how its files are checked against the Keras model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.models.checkpoints import NOT_STATED
from animegan3_tf.models.exported import check_onnx
from animegan3_tf.networks.architectures import check_side

FORMATS = ("saved_model", "tflite", "onnx")
PRECISIONS = ("float32", "float16", "dynamic", "int8")
# {precision: {measure: limit}}; differences of values in [-1, 1]
LIMITS = {
    "saved_model": {"max_difference": 1e-5},
    "float32": {"max_difference": 1e-4},
    "float16": {"max_difference": 5e-3},
    "dynamic": {"psnr": 35.0},
    "int8": {"psnr": 30.0},
    "int8_uint8io": {"psnr": 30.0},
}
INPUT = "RGB photo, {}"
OUTPUT = "RGB anime picture of the same size, {}"  # in files that users have
FLOAT_RANGE = "[-1, 1]: level / 127.5 - 1"
BYTE_RANGE = "0..255"
_BUNDLED = ("astronaut", "chelsea", "coffee")  # public domain or CC0, inside scikit-image's wheel


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
        for option, listed in {"format": self.formats, "precision": self.precisions, "size": self.sizes}.items():
            if not listed:
                raise UserError(f"--{option} names nothing; leave it out for the default")
        if "tflite" in self.formats and "int8" in self.precisions and self.calibrate is None:
            raise UserError("--precision int8 is fitted to photos; name a folder of them with --calibrate DIR")
        if self.litert is not None and not self.litert.is_file():
            raise UserError(f"--litert {str(self.litert)!r} does not exist; name a Python that has ai-edge-litert")
        if "onnx" in self.formats:
            check_onnx()

    def check_sizes(self, multiple: int) -> None:
        """Checks the sizes against a model whose sides are multiples of `multiple`; raises UserError."""
        for size in self.sizes:
            check_side(size, "--size", multiple)


def read_photos(folder: Path, count: int, option: str) -> list[np.ndarray]:
    """Reads photos that are evenly spread over a folder's sorted list.

    Args:
        folder: Where they are.
        count: Number of photos; fewer where the folder has fewer.
        option: The option that named the folder, for the messages.

    Returns:
        uint8 RGB arrays [H, W, 3] of their own sizes.

    Raises:
        UserError: The folder does not exist or holds no photos, or a photo cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds photos")
    paths = images.find_images(folder)
    if not paths:
        raise UserError(f"{option} {str(folder)!r} holds no photos; put some like those the model will see there")
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [images.read_image(paths[i]).filled() for i in chosen]


def bundled_photos() -> list[np.ndarray]:
    """Returns three photos that come with scikit-image, uint8 RGB [H, W, 3]."""
    import skimage.data

    return [getattr(skimage.data, name)() for name in _BUNDLED]


def fitted(photos: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Cuts out the middles of photos and resizes them to one shape.

    Args:
        photos: uint8 RGB [H, W, 3] of any sizes.
        shape: (height, width) of the results in pixels.

    Returns:
        float32 [N, height, width, 3] in [-1, 1].
    """
    return np.stack([_middle(photo, shape) for photo in photos]).astype(np.float32) / 127.5 - 1.0


def _middle(photo: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    height, width = photo.shape[:2]
    scale = min(height / shape[0], width / shape[1])
    rows, columns = round(shape[0] * scale), round(shape[1] * scale)
    top, left = (height - rows) // 2, (width - columns) // 2
    return images.resize(photo[top : top + rows, left : left + columns], shape)


@dataclass(frozen=True)
class OutputDifference:
    """Differences between an exported file's images and the Keras model's, of values in [-1, 1].

    Attributes:
        max_difference: Largest absolute difference.
        mean_difference: Mean absolute difference.
        psnr: PSNR over all images in dB, for a peak of 2; infinite where nothing differs.
        worst: Index of the image with the largest mean square difference.
        worst_psnr: That image's PSNR.
    """

    max_difference: float
    mean_difference: float
    psnr: float
    worst: int
    worst_psnr: float

    def over(self, limits: dict[str, float]) -> str | None:
        """Checks the differences against limits.

        Args:
            limits: One entry of `LIMITS`: "max_difference" or "psnr" and its value.

        Returns:
            The first excess as text for an error message; None within the limits. A NaN is over every limit.
        """
        limit = limits.get("max_difference")
        if limit is not None and not self.max_difference <= limit:
            return f"by {self.max_difference:.1e}, over the limit of {limit:.0e}"
        limit = limits.get("psnr")
        if limit is not None and not self.psnr >= limit:
            return f"at {self.psnr:.1f} dB PSNR, under the limit of {limit:.0f}"
        return None

    def __str__(self) -> str:
        return f"max {self.max_difference:.1e}  mean {self.mean_difference:.1e}  PSNR {self.psnr:.1f} dB"


def compare_outputs(expected: np.ndarray, images: np.ndarray) -> OutputDifference:
    """Compares a file's images with the Keras model's, both float [N, H, W, 3] in [-1, 1]."""
    difference = np.abs(images.astype(np.float64) - expected)
    errors = np.mean(np.square(difference), axis=(1, 2, 3))
    worst = int(np.argmax(errors))  # a NaN is the largest of all
    largest, mean = float(difference.max()), float(difference.mean())
    return OutputDifference(largest, mean, _psnr(errors.mean()), worst, _psnr(errors[worst]))


def _psnr(mean_square: float) -> float:
    return math.inf if mean_square == 0 else 10 * math.log10(4.0 / mean_square)


@dataclass(frozen=True)
class Card:
    """Describes a model.

    Attributes:
        name: The model's name.
        architecture: Published name of the generator, such as "AnimeGANv3".
        version: Version of this project and the training step.
        author: Who made the model.
        license: What it may be used for.
        trained_on: The images it was trained on, and their owners.
    """

    name: str
    architecture: str
    version: str
    author: str
    license: str
    trained_on: str

    @property
    def description(self) -> str:
        """One text for formats that have fields for name, author and licence only."""
        return f"Photo to anime by the generator of {self.architecture}. Trained on: {self.trained_on}."

    def to_dict(self) -> dict[str, str]:
        """Every field by name."""
        return asdict(self)


def card_of(header: Mapping[str, object], title: str, given: Mapping[str, str | None]) -> Card:
    """Makes the card of a weights file.

    Args:
        header: The weights file's header.
        title: Published name of its architecture, such as "AnimeGANv3".
        given: Values of the user (name, version, author, license, trained_on), which replace the header's; None and
            empty ones do not.

    Returns:
        The card; fields without a value are "not stated".
    """
    style, step = header.get("style"), header.get("step")
    known = {
        "name": f"{title} {style}" if style else title,
        "architecture": title,
        "version": f"{header.get('version', '0')}" + (f", step {step}" if step is not None else ""),
        **{key: str(header[key]) for key in ("author", "license", "trained_on") if header.get(key)},
        **{key: value for key, value in given.items() if value},
    }
    return Card(**{key: known.get(key, NOT_STATED) for key in Card.__dataclass_fields__})
