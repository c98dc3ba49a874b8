"""Writes the generator as an ONNX file and runs it with ONNX Runtime; the only module that imports either."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.runtime import silence
from animegan3_tf.export.mobile import mobile_generator

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from animegan3_tf.export.check import Card

OPSET = 17  # ONNX Runtime reads it since 1.12 (2022)


def check_onnx(needed: Sequence[str] = ("tf2onnx", "onnxruntime")) -> None:
    """Checks that packages of the extra `onnx` are installed; raises UserError where one is missing."""
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing and sys.version_info < (3, 10):
        raise UserError("ONNX needs Python 3.10 or 3.11; create the environment again with PYTHON=python3.11")
    if missing:
        raise UserError(
            f"ONNX needs {' and '.join(missing)}, not installed here; run "
            "`pip install -c constraints.txt -e '.[onnx]'` in the checkout"
        )


def convert_onnx(generator: tf.keras.Model, card: Card) -> bytes:
    """Converts a generator to an ONNX file.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        card: The description that goes into the file's metadata.

    Returns:
        The file's bytes. It maps `photo`, float32 [1, H, W, 3] in [-1, 1], to `anime`; H and W are open and must be
        multiples of the architecture's.
    """
    import tf2onnx

    # ONNX Runtime pads by reflection in one operation
    twin = mobile_generator(generator, padding="op")
    signature = [tf.TensorSpec([1, None, None, 3], tf.float32, "photo")]
    function = tf.function(lambda photo: {"anime": twin(photo, training=False)}, signature, autograph=False)
    with silence():
        model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    model.doc_string = card.description
    for end in (model.graph.input[0], model.graph.output[0]):
        for dimension, name in zip(end.type.tensor_type.shape.dim[1:3], ("height", "width")):
            dimension.dim_param = name
    for name, text in card.to_dict().items():
        model.metadata_props.add(key=name, value=text)
    return model.SerializeToString()


def open_session(path: Path, threads: int = 0) -> InferenceSession:
    """Loads an ONNX file for the CPU; 0 threads means one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_onnx(path: Path, photos: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Runs an exported ONNX file on photos.

    Args:
        path: The file.
        photos: float32 [N, H, W, 3] in [-1, 1].

    Returns:
        The images, of the same type and range, and {"runtime", "opset"} for the report.
    """
    import onnxruntime

    session = open_session(path)
    images = [session.run(["anime"], {"photo": photo[None]})[0] for photo in photos]
    return np.concatenate(images), {"runtime": f"onnxruntime {onnxruntime.__version__}", "opset": OPSET}


def read_onnx_metadata(path: Path) -> dict[str, str]:
    """Reads a file's metadata by name, with its first "input" and "output" as ONNX Runtime describes them."""
    session = open_session(path)
    ends = {"input": session.get_inputs()[0], "output": session.get_outputs()[0]}
    described = {name: f"{end.name}: {end.type} {end.shape}" for name, end in ends.items()}
    return {**session.get_modelmeta().custom_metadata_map, **described}
