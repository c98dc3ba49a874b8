"""A method under comparison, opened: what it is, how large it is, and the function that stylises, if it has one."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.checkpoints import by_name, weights_of
from animegan3_tf.comparison.specification import Specification
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.generated import is_model
from animegan3_tf.images import find_images, quote
from animegan3_tf.stylizer import Stylizer, load_stylizer
from animegan3_tf.weights_file import read_header

GFLOP_SIDE = 256
_ACCEPTED = (
    "a shipped checkpoint, a run folder, weights (.h5), a SavedModel, a .tflite or .onnx file, a TensorFlow 1 "
    "checkpoint of the lineage, or a folder of pictures"
)


@dataclass(frozen=True)
class Method:
    """A method.

    name: in the report. given: the path as the user wrote it. kind: in words. stylizer: None for a folder of pictures.
    model: the path that `load_stylizer` takes; for a folder of pictures, that folder. parameters: trainable ones.
    bytes: of the files. gflop: of a 256x256 picture, a multiply-add counting as two. None is what is not known.
    """

    name: str
    given: Path
    kind: str
    model: Path
    stylizer: Stylizer | None = None
    parameters: int | None = None
    bytes: int | None = None
    gflop: float | None = None

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """(H, W) where it takes no other."""
        return self.stylizer.fixed_size if self.stylizer else None

    @property
    def in_one_piece(self) -> Callable:
        """Float32 [1, H, W, 3] in [-1, 1] to the same, never in tiles; of a method that has a stylizer."""
        return self.stylizer.whole or self.stylizer.forward

    def takes(self, size: tuple[int, int]) -> bool:
        """Whether it can be timed at (H, W)."""
        return self.stylizer is not None and self.fixed_size in (None, size)


def open_method(specification: Specification, work: Path) -> Method:
    """Opens what a specification names; raises UserError.

    work: a folder in which a published checkpoint becomes a weights file, so that it runs like any other.
    """
    name, path = specification.name, specification.path
    if specification.architecture or _is_checkpoint(path):
        return _from_checkpoint(specification, work)
    path = by_name(path)
    if not os.path.exists(path):
        raise UserError(f"--model {name}: {quote(path)} does not exist; name {_ACCEPTED}")
    if is_model(path):
        return _from_model(name, path)
    if os.path.isfile(path / "config.json"):
        raise UserError(f"--model {name}: {quote(path)} is a run without generator.h5 yet; train on, or name another")
    if not find_images(path):
        raise UserError(f"--model {name}: {quote(path)} holds neither a model nor pictures; name {_ACCEPTED}")
    return Method(name, path, "pictures", path)


def _is_checkpoint(path):
    """Whether a path is a checkpoint's prefix, index or folder, or a frozen graph."""
    if os.path.isdir(path):
        return not is_model(path) and (os.path.isfile(path / "checkpoint") or any(path.glob("*.index")))
    return path.suffix in (".pb", ".index") or os.path.isfile(f"{path}.index")


def _from_checkpoint(specification, work):
    from animegan3_tf.lineage import import_generator
    from animegan3_tf.lineage.detect import detect_architecture
    from animegan3_tf.lineage.tf1_checkpoint import open_variables

    name, path = specification.name, specification.path
    found = open_variables(path)
    architecture = specification.architecture or detect_architecture(found.shapes)
    if architecture is None:
        raise UserError(
            f"--model {name}: {quote(path)} holds no whole generator of {', '.join(ARCHITECTURES)}; "
            f"--model {name}=animegan2:{path} tells what that one lacks"
        )
    weights = Path(work, f"{name}.h5")
    import_generator(architecture, path, weights)
    size = sum(file.stat().st_size for file in found.files)
    return _from_weights(name, path, f"TensorFlow 1, {ARCHITECTURES[architecture].title}", weights, size)


def _from_model(name, path):
    model = weights_of(path)
    if model.suffix.lower() == ".h5":
        architecture = ARCHITECTURES.get(read_header(model).get("architecture"))  # an unknown one is refused below
        title = architecture.title if architecture else ""
        kind = f"{'weights' if model == path else 'run'}, {title}"
        return _from_weights(name, path, kind, model, model.stat().st_size)
    stylizer = load_stylizer(path)
    if path.is_dir():
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return Method(name, path, "SavedModel", path, stylizer, bytes=size)
    kinds = {".tflite": "TFLite", ".onnx": "ONNX"}
    gflop = _gflop_of_tflite(path) if path.suffix.lower() == ".tflite" else None
    return Method(name, path, kinds[path.suffix.lower()], path, stylizer, bytes=path.stat().st_size, gflop=gflop)


def _from_weights(name, given, kind, weights, size):
    import tensorflow as tf

    from animegan3_tf.networks import load_generator
    from animegan3_tf.speed.flops import count_flops

    stylizer, generator = load_stylizer(weights), load_generator(weights)
    signature = [tf.TensorSpec([1, GFLOP_SIDE, GFLOP_SIDE, 3], tf.float32)]
    traced = tf.function(lambda photo: generator(photo, training=False), input_signature=signature)
    parameters = sum(math.prod(weight.shape) for weight in generator.trainable_weights)
    gflop = count_flops(traced.get_concrete_function()).total / 1e9
    return Method(name, given, kind, weights, stylizer, parameters, size, gflop)


def _gflop_of_tflite(path):
    """Of a file that takes 256x256 pictures, the others showing no such shapes."""
    from animegan3_tf.export.litert import describe_graph, open_interpreter

    interpreter, _ = open_interpreter(path)
    interpreter.allocate_tensors()
    told, (source,) = describe_graph(interpreter), interpreter.get_input_details()
    whole = "DEPTHWISE_CONV_2D" not in told["operations"]  # which it does not count
    if not whole or told["flops"] is None or list(source["shape"][1:3]) != [GFLOP_SIDE, GFLOP_SIDE]:
        return None
    return told["flops"] / 1e9
