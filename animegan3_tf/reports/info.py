"""Describes a model file or folder of any format by what it holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.checkpoints import WEIGHTS, by_name
from animegan3_tf.models.generator_file import ACCEPTED, is_published, open_generator

if TYPE_CHECKING:
    from animegan3_tf.models.generator_file import GeneratorFile

Description = dict[str, Any]  # {what: value}: what a header may hold, such as text, numbers and lists


def describe_model(path: str | os.PathLike) -> Description:
    """Describes a model by its header, metadata and tensors.

    Args:
        path: Weights, a training state, a run folder, an exported or a published file, or a shipped checkpoint's name.

    Returns:
        Plain values by name, `kind` first; sizes are in bytes.

    Raises:
        UserError: The path does not exist, the file is damaged, or its format is unknown.
    """
    path = by_name(path)
    if not os.path.exists(path) and not is_published(path):
        raise UserError(f"model {str(path)!r} does not exist; name a state (.h5), or {ACCEPTED}")
    published = open_generator(path) if is_published(path) else None
    if published:
        return _published(published)
    if path.is_dir():
        return _saved_model(path) if (path / "saved_model.pb").is_file() else _run_folder(path)
    readers: dict[str, Callable[[Path], Description]] = {
        ".h5": _weights_or_state,
        ".tflite": _tflite,
        ".onnx": _onnx,
    }
    describe = readers.get(path.suffix.lower())
    if describe is None:
        raise UserError(f"model {str(path)!r} is in no known format; name a state (.h5), or {ACCEPTED}")
    return describe(path)


def _weights_or_state(path: Path) -> Description:
    from animegan3_tf.models.weights_file import read_weights
    from animegan3_tf.training.state import is_state, read_state

    if is_state(path):
        kind, state = "training state", read_state(path)
        header, arrays = _plain(state.header), state.arrays
    else:
        kind, (header, arrays) = "weights", read_weights(path)
    numbers = sum(array.size for array in arrays.values())
    stored = ", ".join(sorted({str(array.dtype) for array in arrays.values()}))
    return {"kind": kind, "bytes": path.stat().st_size, **header, "numbers": numbers, "stored_as": stored}


def _published(opened: GeneratorFile) -> Description:
    numbers = sum(weight.shape.num_elements() for weight in opened.network.weights)
    return {"kind": opened.kind, "bytes": opened.bytes, **opened.header, "numbers": numbers}


def _run_folder(path: Path) -> Description:
    from animegan3_tf.training.run_files import read_run

    weights = path / WEIGHTS
    if not weights.is_file() and not (path / "config.json").is_file():
        raise UserError(f"folder {str(path)!r} holds no run and no SavedModel; name {ACCEPTED}")
    found: Description = {"kind": "run folder"}
    if (path / "config.json").is_file():
        found |= _plain(read_run(path).to_dict())
    if weights.is_file():
        found |= {f"generator {key}": value for key, value in _weights_or_state(weights).items() if key != "kind"}
    return found


def _saved_model(path: Path) -> Description:
    from animegan3_tf.export.saved_model import read_signatures

    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return {"kind": "SavedModel", "bytes": size, **_card(path), **read_signatures(path)}


def _card(path: Path) -> Description:
    from animegan3_tf.export.saved_model import CARD

    try:
        return json.loads((path / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _tflite(path: Path) -> Description:
    import tensorflow as tf

    from animegan3_tf.export.metadata import read_metadata

    try:
        metadata = read_metadata(path)
        interpreter = tf.lite.Interpreter(str(path))
    except Exception as error:
        raise UserError(f"{str(path)!r} is not a TFLite file, or it is damaged: {error}") from error
    ends = zip(("input_tensor", "output_tensor"), (interpreter.get_input_details(), interpreter.get_output_details()))
    tensors = {name: "; ".join(map(_tensor, details)) for name, details in ends}
    return {"kind": "TFLite", "bytes": path.stat().st_size, **metadata, **tensors}


def _tensor(details: Mapping[str, Any]) -> str:
    """One tensor of TFLite's interpreter as text: type, shape and quantisation."""
    shape = [int(side) for side in details["shape_signature"]]
    scale, zero = details["quantization"]
    stored = f", value = (stored - {zero}) * {scale:.6g}" if scale else ""
    return f"{details['dtype'].__name__} {shape}{stored}"


def _onnx(path: Path) -> Description:
    from animegan3_tf.export.onnx import check_onnx, read_onnx_metadata

    check_onnx(["onnxruntime"])
    try:
        metadata = read_onnx_metadata(path)
    except Exception as error:
        raise UserError(f"{str(path)!r} is not an ONNX file, or it is damaged: {error}") from error
    return {"kind": "ONNX", "bytes": path.stat().st_size, **metadata}


def _plain(values: Mapping[str, Any]) -> Description:
    """The values that fit on a line: no nested ones and no None."""
    return {key: value for key, value in values.items() if not isinstance(value, (dict, list)) and value is not None}
