"""Draws images with any model: a checkpoint, a published file or an exported one."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import sha256_of
from animegan3_tf.models.checkpoints import weights_of
from animegan3_tf.models.generator_file import ACCEPTED, GeneratorFile, is_published, open_generator
from animegan3_tf.networks.architectures import MIN_SIDE, MULTIPLE, least_side

TILED_ABOVE = 2_400_000  # pixels, for AnimeGANv3; without tiles the process peaks near 3 GB there
_Forward = Callable[[np.ndarray], np.ndarray]  # float32 [1, H, W, 3] in [-1, 1] -> the same


@dataclass(frozen=True)
class Stylizer:
    """Stylises images: called with uint8 RGB [H, W, 3], returns anime of the same size and type.

    Attributes:
        forward: Runs the network, float32 [1, H, W, 3] in [-1, 1] -> the same; H and W are multiples of `multiple`, or
            `fixed_size`.
        fixed_size: (H, W) where the model takes no other size: larger photos are reduced to fit and the results
            enlarged again. None where it takes any size.
        warning: One line that the user should see before the run, or None.
        exhausted: The exceptions that `forward` raises when memory runs out.
        multiple: Height and width are padded by reflection to multiples of this.
        whole: As `forward`, but never in tiles; None where `forward` has no tiles anyway.
    """

    forward: Callable[[np.ndarray], np.ndarray]
    fixed_size: tuple[int, int] | None = None
    warning: str | None = None
    exhausted: tuple[type[Exception], ...] = (MemoryError,)
    multiple: int = MULTIPLE
    whole: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Stylises one image.

        Args:
            rgb: uint8 RGB [H, W, 3] of at least 16x16 pixels.

        Returns:
            The drawing, uint8 [H, W, 3].

        Raises:
            UserError: The image is too small or does not fit in memory, or the model's output is broken.
        """
        height, width = rgb.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{width}x{height} pixels are too few to stylise; give at least {MIN_SIDE}x{MIN_SIDE}")
        least = least_side(self.multiple)
        full_height, full_width = (max(side + -side % self.multiple, least) for side in (height, width))
        padded = self.fixed_size or (full_height, full_width)
        scale = min(1.0, padded[0] / height, padded[1] / width)  # never enlarged: padding fills a small photo up
        fitted = images.resize(rgb, (max(1, round(height * scale)), max(1, round(width * scale))))
        rows, columns = fitted.shape[:2]
        margins = ((0, padded[0] - rows), (0, padded[1] - columns), (0, 0))
        photo = np.pad(fitted, margins, mode="reflect")[None].astype(np.float32) / 127.5 - 1.0
        try:
            anime = self.forward(photo)
        except self.exhausted:
            raise UserError(f"{width}x{height} pixels do not fit in memory; reduce the photo") from None
        if anime.shape != photo.shape or not np.isfinite(anime).all():
            raise UserError(f"the model gave no image for {width}x{height} pixels; its weights or export are broken")
        anime = np.rint((anime[0, :rows, :columns] + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
        return images.resize(anime, (height, width))


def load_stylizer(model: str | os.PathLike) -> Stylizer:
    """Loads a generator: as a Keras model where the file allows it, else in the runtime of its format.

    Args:
        model: A path or name that `generator_file.ACCEPTED` describes.

    Raises:
        UserError: The model does not exist, is damaged, or its input and output do not fit.
    """
    path = weights_of(model)
    if not os.path.exists(path) and not is_published(path):
        raise UserError(f"model {quote(path)} does not exist; name {ACCEPTED}")
    opened = open_generator(path)
    if opened:
        return stylizer_of(opened)
    import tensorflow as tf

    if os.path.isfile(path / "saved_model.pb"):
        forward, size = _from_saved_model(path)
    elif os.path.isfile(path) and path.suffix.lower() == ".tflite":
        forward, size = _from_tflite(path)
    elif os.path.isfile(path) and path.suffix.lower() == ".onnx":
        forward, size = _from_onnx(path)
    else:
        raise UserError(f"model {quote(path)} is in no known format; name {ACCEPTED}")
    warning = size and (
        f"model {quote(path)} takes {size[1]}x{size[0]} pixels only: larger photos are reduced to fit and the results "
        "enlarged again, which blurs them; a dynamic-size export or the weights avoid that"
    )
    return Stylizer(forward, size, warning, (MemoryError, tf.errors.ResourceExhaustedError))


def stylizer_of(opened: GeneratorFile) -> Stylizer:
    """Returns the stylizer of an opened generator; large photos are drawn in tiles."""
    import tensorflow as tf

    from animegan3_tf.stylizer.tiling import TiledGenerator

    generator, architecture = opened.network, opened.architecture
    # One signature for every size: without it each new size would trace the network again.
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    traced = tf.function(lambda photo: generator(photo, training=False), input_signature=signature)
    # built when the first large photo comes
    tiled = functools.lru_cache(lambda: TiledGenerator(generator, architecture=architecture))

    def forward(photo: np.ndarray) -> np.ndarray:
        if photo.shape[1] * photo.shape[2] * architecture.memory > TILED_ABOVE:
            return tiled()(photo)
        return whole(photo)

    def whole(photo: np.ndarray) -> np.ndarray:
        return traced(photo).numpy()

    exhausted = (MemoryError, tf.errors.ResourceExhaustedError)
    return Stylizer(forward, exhausted=exhausted, multiple=architecture.multiple, whole=whole)


def _from_saved_model(path: Path) -> tuple[_Forward, tuple[int, int] | None]:
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures["serving_default"]
        source = signature.structured_input_signature[1]["photo"]
        signature.structured_outputs["anime"]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise _unfit(path, f"a SavedModel with signature 'serving_default' from 'photo' to 'anime': {error}") from None

    def forward(photo: np.ndarray, model: object = model) -> np.ndarray:  # holds the model: a signature does not
        return signature(photo=tf.constant(photo))["anime"].numpy()

    return forward, _fixed_size(path, source.shape.as_list(), source.dtype.as_numpy_dtype)


def _from_tflite(path: Path) -> tuple[_Forward, tuple[int, int] | None]:
    import tensorflow as tf

    from animegan3_tf.export.litert import invoke

    try:
        interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
        interpreter.allocate_tensors()
        (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise _unfit(path, f"a TFLite model from one tensor to one: {error}") from None

    def forward(photo: np.ndarray) -> np.ndarray:
        return invoke(interpreter, photo)

    # Only open sizes may change: a fixed graph has its sizes in constants, and may compute wrong values silently.
    shape = [None if side < 0 else int(side) for side in source["shape_signature"]]
    quantised = all(
        details["dtype"] in (np.int8, np.uint8) and details["quantization"][0] for details in (source, result)
    )
    return forward, _fixed_size(path, shape, np.float32 if quantised else source["dtype"])


def _from_onnx(path: Path) -> tuple[_Forward, tuple[int, int] | None]:
    from animegan3_tf.export.onnx import check_onnx, open_session

    check_onnx(["onnxruntime"])
    try:
        session = open_session(path)
        (source,), (result,) = session.get_inputs(), session.get_outputs()
    except Exception as error:  # ONNX Runtime's exceptions have no other common parent
        raise _unfit(path, f"an ONNX model from one tensor to one: {error}") from None

    def forward(photo: np.ndarray) -> np.ndarray:
        return session.run([result.name], {source.name: photo})[0]

    shape = [side if isinstance(side, int) else None for side in source.shape]
    return forward, _fixed_size(path, shape, np.float32 if source.type == "tensor(float)" else source.type)


def _fixed_size(path: Path, shape: Sequence[int | None], dtype: type | str) -> tuple[int, int] | None:
    """The (H, W) that a model takes, None when both are open; its input must be float32 [1 or open, H, W, 3]."""
    if dtype == np.float32 and len(shape) == 4 and shape[0] in (1, None) and shape[3] == 3:
        _, height, width, _ = shape
        if height is None and width is None:
            return None
        if height is not None and width is not None:
            return height, width
    raise _unfit(path, f"float32 [1, H, W, 3], but takes {getattr(dtype, '__name__', dtype)} {list(shape)}")


def _unfit(path: Path, why: str) -> UserError:
    """The error for a model that is not `why`."""
    return UserError(f"model {quote(path)} is not {' '.join(why.split())}; export it again")


class ModelTeacher:
    """Draws with a model.

    Attributes:
        name: The name of the model's file.
        sha256: SHA-256 of that file.
        fixed_size: Its (height, width) where it takes no other size.
    """

    def __init__(self, model: str | os.PathLike) -> None:
        """Loads the model.

        Args:
            model: A model for `animegan3_tf.stylizer.model.load_stylizer`.

        Raises:
            UserError: The model does not exist or cannot be read.
        """
        path = weights_of(model)
        self._stylizer = load_stylizer(model)
        self.name, self.sha256 = Path(path).name, sha256_of(path)
        self.fixed_size = self._stylizer.fixed_size

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Draws one image, uint8 [H, W, 3] to the same size."""
        return self._stylizer(rgb)
