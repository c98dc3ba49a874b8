"""Models in exported formats, run by the runtime of each: SavedModel, TFLite, ONNX.

What `export` writes is read here, and other projects' files of these formats too. Runtimes are imported when a file is
opened.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import read_json
from animegan3_tf.models.litert import invoke, open_interpreter
from animegan3_tf.models.model import Model, size_of

if TYPE_CHECKING:
    import tensorflow as tf
    from onnxruntime import InferenceSession

    from animegan3_tf.networks.tiling import Forward

CARD = "assets.extra/animegan3.json"  # TensorFlow reserves this folder of a SavedModel for its users' files
OPSET = 17  # of the ONNX files that are written; ONNX Runtime reads it since 1.12 (2022)


def open_saved_model(path: Path) -> Model:
    """Opens a SavedModel; raises UserError where it does not draw images."""
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

    return _model("SavedModel", path, forward, source.shape.as_list(), source.dtype.as_numpy_dtype, _card(path))


def describe_saved_model(path: Path) -> dict[str, Any]:
    """Describes a SavedModel by its card and its signatures.

    Returns:
        Plain values by name; "signature NAME" is the types and shapes of a signature's inputs and outputs.

    Raises:
        UserError: The SavedModel is damaged.
    """
    import tensorflow as tf

    def described(spec: tf.TensorSpec) -> str:
        name = f"{spec.name}: " if isinstance(spec, tf.TensorSpec) and spec.name == "photo" else ""
        return f"{name}{spec.dtype.name} {spec.shape.as_list()}"

    try:
        signatures = tf.saved_model.load(str(path)).signatures
        ends = {
            f"signature {name}": ", ".join(map(described, function.structured_input_signature[1].values()))
            + " -> "
            + ", ".join(f"{key}: {described(value)}" for key, value in function.structured_outputs.items())
            for name, function in signatures.items()
        }
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"SavedModel {str(path)!r} cannot be read: {one_line(error)}") from error
    return {"kind": "SavedModel", "bytes": size_of(path), **_card(path), **ends}


def _card(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path / CARD))
    except (FileNotFoundError, UserError, ValueError, TypeError):
        return {}


_ANY = 64  # pixels: a size that any network takes


def open_tflite(path: Path) -> Model:
    """Opens a .tflite file; raises UserError where it does not draw images."""
    try:
        interpreter, _ = open_interpreter(path, os.cpu_count() or 1)
        (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
        if -1 in source["shape_signature"]:  # a graph cannot be prepared for the size 1 that stands for an open one
            sizes = [_ANY if side < 0 else int(side) for side in source["shape_signature"][1:]]
            interpreter.resize_tensor_input(source["index"], [1, *sizes])
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise _unfit(path, f"a TFLite model from one tensor to one: {error}") from None
    # Only open sizes may change: a fixed graph has its sizes in constants, and may compute wrong values silently.
    shape = [None if side < 0 else int(side) for side in source["shape_signature"]]
    quantised = all(one["dtype"] in (np.int8, np.uint8) and one["quantization"][0] for one in (source, result))
    dtype = np.float32 if quantised else source["dtype"]
    metadata: dict[str, str] = {}
    with contextlib.suppress(ValueError, IndexError, struct.error):  # damaged metadata: the network may still draw
        metadata = read_metadata(path)
    return _model("TFLite", path, lambda photo: invoke(interpreter, photo), shape, dtype, metadata)


def describe_tflite(path: Path) -> dict[str, Any]:
    """Describes a .tflite file by its metadata and tensors; raises UserError where it is damaged."""

    def described(details: Mapping[str, Any]) -> str:
        shape = [int(side) for side in details["shape_signature"]]
        scale, zero = details["quantization"]
        stored = f", value = (stored - {zero}) * {scale:.6g}" if scale else ""
        return f"{details['dtype'].__name__} {shape}{stored}"

    try:
        metadata = read_metadata(path)
        interpreter, _ = open_interpreter(path)
    except Exception as error:
        raise UserError(f"{str(path)!r} is not a TFLite file, or it is damaged: {error}") from error
    ends = {"input_tensor": interpreter.get_input_details(), "output_tensor": interpreter.get_output_details()}
    tensors = {name: "; ".join(map(described, details)) for name, details in ends.items()}
    return {"kind": "TFLite", "bytes": size_of(path), **metadata, **tensors}


def open_onnx(path: Path) -> Model:
    """Opens an ONNX file as a Keras network where it is one of those known, else as `open_in_onnx_runtime`."""
    return _known_network(path) or open_in_onnx_runtime(path)


def open_in_onnx_runtime(path: Path) -> Model:
    """Opens an ONNX file for ONNX Runtime; raises UserError where it does not draw images or that is not installed."""
    check_onnx(["onnxruntime"])
    try:
        session = open_session(path)
        (source,), (result,) = session.get_inputs(), session.get_outputs()
    except Exception as error:  # ONNX Runtime's exceptions have no other common parent
        raise _unfit(path, f"an ONNX model from one tensor to one: {error}") from None

    def forward(photo: np.ndarray) -> np.ndarray:
        return session.run([result.name], {source.name: photo})[0]

    shape = [side if isinstance(side, int) else None for side in source.shape]
    dtype = np.float32 if source.type == "tensor(float)" else source.type
    return _model("ONNX", path, forward, shape, dtype, _onnx_metadata(session))


def describe_onnx(path: Path) -> dict[str, Any]:
    """Describes an ONNX file: by the header of a known network, else by its metadata, input and output.

    Raises:
        UserError: The file is damaged, or ONNX Runtime is not installed.
    """
    found = _known_network(path)
    if found is not None:
        return found.describe()
    check_onnx(["onnxruntime"])
    try:
        metadata = _onnx_metadata(open_session(path))
    except Exception as error:
        raise UserError(f"{str(path)!r} is not an ONNX file, or it is damaged: {error}") from error
    return {"kind": "ONNX", "bytes": size_of(path), **metadata}


def _known_network(path: Path) -> Model | None:
    from animegan3_tf.models.published import open_published

    try:
        return open_published(path)
    except UserError:  # another project's, which ONNX Runtime may run
        return None


def _onnx_metadata(session: InferenceSession) -> dict[str, str]:
    """A file's metadata by name, with its first "input" and "output" as ONNX Runtime describes them."""
    ends = {"input": session.get_inputs()[0], "output": session.get_outputs()[0]}
    described = {name: f"{end.name}: {end.type} {end.shape}" for name, end in ends.items()}
    return {**session.get_modelmeta().custom_metadata_map, **described}


def check_onnx(needed: Sequence[str] = ("tf2onnx", "onnxruntime")) -> None:
    """Checks that packages of the extra `onnx` are installed; raises UserError where one is missing."""
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing and sys.version_info < (3, 10):
        raise UserError("ONNX needs Python 3.10 or newer; create the environment again with PYTHON=python3.12")
    if missing:
        raise UserError(
            f"ONNX needs {' and '.join(missing)}, not installed here; pip install 'animegan3_tf[onnx]' "
            "brings what fits this Python"
        )


def open_session(path: Path, threads: int = 0) -> InferenceSession:
    """Loads an ONNX file for the CPU; 0 threads means one a core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _model(
    kind: str, path: Path, forward: Forward, shape: Sequence[int | None], dtype: type | str, header: Mapping[str, Any]
) -> Model:
    """The model of a file whose input has a shape and type: it must be float32 [1 or open, H, W, 3]."""
    import tensorflow as tf

    sides = tuple(shape[1:3])
    fits = dtype == np.float32 and len(shape) == 4 and shape[0] in (1, None) and shape[3] == 3
    if not fits or sides.count(None) == 1:
        raise _unfit(path, f"float32 [1, H, W, 3], but takes {getattr(dtype, '__name__', dtype)} {list(shape)}")
    height, width = sides
    size = None if height is None or width is None else (height, width)
    exhausted = (MemoryError, tf.errors.ResourceExhaustedError)
    return Model(kind, path, forward, header, input_size=size, exhausted=exhausted)


def _unfit(path: Path, why: str) -> UserError:
    """The error for a model that is not `why`."""
    return UserError(f"model {quote(path)} is not {' '.join(why.split())}; export it again")


# TFLite Metadata, by its published schema, metadata_schema.fbs (file identifier M001): the slots of its fields
METADATA = "TFLITE_METADATA"  # the name of the entry in the file
MODEL_SLOTS = {"name": 0, "description": 1, "version": 2, "author": 4, "license": 5, "min_parser_version": 7}
SUBGRAPHS, INPUTS, OUTPUTS = 3, 2, 3
TENSOR_SLOTS = {"name": 0, "description": 1}


def read_metadata(path: Path) -> dict[str, str]:
    """Reads the strings of a .tflite file's metadata.

    Returns:
        "name", "description", "version", "author", "license", "input" and "output"; missing fields are left out, and a
        file without metadata has none.

    Raises:
        ValueError, IndexError, struct.error: The file is not a TFLite file.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    content = bytearray(path.read_bytes())
    if content[4:8] != b"TFL3":
        raise ValueError("it does not begin as a TFLite file")
    model = schema.Model.GetRootAsModel(content, 0)
    entries = (model.Metadata(i) for i in range(model.MetadataLength()))
    packed = next((model.Buffers(e.Buffer()).DataAsNumpy() for e in entries if e.Name().decode() == METADATA), None)
    if packed is None:
        return {}
    packed = bytearray(packed)
    root = Table(packed, flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, packed, 0))
    found = {name: _string(root, slot) for name, slot in MODEL_SLOTS.items() if name != "min_parser_version"}
    for subgraph in _tables(root, SUBGRAPHS)[:1]:
        for name, slot in (("input", INPUTS), ("output", OUTPUTS)):
            for tensor in _tables(subgraph, slot)[:1]:
                found[name] = ": ".join(filter(None, (_string(tensor, field) for field in TENSOR_SLOTS.values())))
    return {name: text for name, text in found.items() if text}


def _string(table: Table, slot: int) -> str:
    """The text of a field; empty where it is missing."""
    offset = table.Offset(4 + 2 * slot)
    return table.String(table.Pos + offset).decode() if offset else ""


def _tables(table: Table, slot: int) -> list[Table]:
    """The tables of a field that is a vector; none where it is missing."""
    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]
