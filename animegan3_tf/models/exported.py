"""Models in exported formats, run by the runtime of each: SavedModel, TFLite, ONNX.

What `export` writes is read here, and other projects' files of these formats too. Runtimes are imported when a file is
opened.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from animegan3_tf.common.errors import UserError, one_line, printable, quote
from animegan3_tf.common.files import read_json, regular_file
from animegan3_tf.models.model import Model, size_of
from animegan3_tf.models.runtime import Runtime, open_runtime
from animegan3_tf.models.tflite_file import verify_tflite
from animegan3_tf.models.trust import check_onnx_operators, check_saved_model, refuse

if TYPE_CHECKING:
    import tensorflow as tf

    from animegan3_tf.networks.tiling import Forward

_LARGEST = 100_000_000  # pixels of a size that a file may be fixed to
CARD = "assets.extra/animegan3.json"  # TensorFlow reserves this folder of a SavedModel for its users' files
OPSET = 17  # of the ONNX files that are written; ONNX Runtime reads it since 1.12 (2022)


def open_saved_model(path: Path) -> Model:
    """Opens a SavedModel; raises UserError where it does not draw images."""
    model = load_saved_model(path)
    try:
        signature = model.signatures["serving_default"]
        source = signature.structured_input_signature[1]["photo"]
        result = signature.structured_outputs["anime"]
        shape = None if source.shape.rank is None else source.shape.as_list()
    except Exception as error:
        raise _unfit(
            path, f"a SavedModel with signature 'serving_default' from 'photo' to 'anime': {_short(error)}"
        ) from None

    def forward(photo: np.ndarray, model: object = model) -> np.ndarray:  # holds the model: a signature does not
        import tensorflow as tf

        return signature(photo=tf.constant(photo))["anime"].numpy()

    return _model("SavedModel", path, forward, shape, (source.dtype.name, result.dtype.name), _card(path))


def load_saved_model(path: Path) -> Any:
    """Loads a SavedModel after its graphs were checked.

    Returns:
        What `tf.saved_model.load` returns.

    Raises:
        UserError: It is damaged, or does what `check_saved_model` refuses.
    """
    check_saved_model(path)
    import tensorflow as tf

    try:
        _check_variables(path)
        return tf.saved_model.load(str(path))
    except Exception as error:  # from AttributeError to UnimplementedError, by what is damaged
        raise UserError(f"model {quote(path)} is not a SavedModel, or it is damaged: {_short(error)}") from None


def _check_variables(path: Path) -> None:
    """Checks that the variables' file has all the bytes that its index declares.

    Raises:
        ValueError: It has not.
        UserError: Something in the folder is not a regular file.
    """
    import tensorflow as tf

    files = list(map(regular_file, (path / "variables").glob("*")))
    if not any(one.name == "variables.index" for one in files):  # a model need not have any
        return
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    types = reader.get_variable_to_dtype_map()
    declared = sum(types[name].size * math.prod(shape) for name, shape in reader.get_variable_to_shape_map().items())
    held = sum(one.stat().st_size for one in files)
    if declared > held:
        raise ValueError(f"its variables have {declared:,} bytes, but the file has {held:,}")


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
        return f"{name}{spec.dtype.name} {spec.shape.as_list() if spec.shape.rank is not None else 'of any shape'}"

    model = load_saved_model(path)
    try:
        ends = {
            f"signature {name}": ", ".join(map(described, function.structured_input_signature[1].values()))
            + " -> "
            + ", ".join(f"{key}: {described(value)}" for key, value in function.structured_outputs.items())
            for name, function in model.signatures.items()
        }
    except Exception as error:
        raise UserError(f"SavedModel {str(path)!r} cannot be read: {_short(error)}") from error
    return {"kind": "SavedModel", "bytes": size_of(path), **_card(path), **ends}


def _card(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path / CARD))
    except (FileNotFoundError, UserError, ValueError, TypeError):
        return {}


def open_tflite(path: Path) -> Model:
    """Opens a .tflite file; raises UserError where it does not draw images."""
    try:
        _check_tflite(path)
        runtime = open_runtime("TFLite", path)
        source, result = _ends(runtime)
        runtime.prepare()
    except UserError:
        raise
    except Exception as error:  # OSError, DamagedFile, or what the runtime raises
        raise _unfit(path, f"a TFLite model from one tensor to one: {_short(error)}") from None
    # Only open sizes may change: a fixed graph has its sizes in constants, and may compute wrong values silently.
    shape = [None if side < 0 else int(side) for side in source["shape"]]
    quantised = all(one["dtype"] in ("int8", "uint8") and one["quantization"][0] for one in (source, result))
    dtypes = ("float32", "float32") if quantised else (source["dtype"], result["dtype"])
    metadata: dict[str, str] = {}
    with contextlib.suppress(Exception):  # flatbuffers raises anything for damage, but the network may still draw
        metadata = read_metadata(path)
    model = _model("TFLite", path, runtime.draw, shape, dtypes, metadata)
    return dataclasses.replace(model, graph=runtime.graph)


def _check_tflite(path: Path) -> None:
    """Verifies a .tflite file; raises UserError for operations that are not TFLite's own, ValueError for damage."""
    refuse(path, verify_tflite(regular_file(path).read_bytes()))


def _ends(runtime: Runtime) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one input and the one output of a file; raises ValueError where it has others."""
    (source,), (result,) = runtime.description["inputs"], runtime.description["outputs"]
    return source, result


def describe_tflite(path: Path) -> dict[str, Any]:
    """Describes a .tflite file by its metadata and tensors; raises UserError where it is damaged."""

    def described(end: Mapping[str, Any]) -> str:
        scale, zero = end["quantization"]
        stored = f", value = (stored - {zero}) * {scale:.6g}" if scale else ""
        return f"{end['dtype']} {end['shape']}{stored}"

    try:
        _check_tflite(path)
        metadata = read_metadata(path)
        found = open_runtime("TFLite", path).description
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{quote(path)} is not a TFLite file, or it is damaged: {_short(error)}") from None
    tensors = {name: "; ".join(map(described, found[key])) for name, key in _TENSORS.items()}
    return {"kind": "TFLite", "bytes": size_of(path), **metadata, **tensors}


_TENSORS = {"input_tensor": "inputs", "output_tensor": "outputs"}


def open_onnx(path: Path) -> Model:
    """Opens an ONNX file as a Keras network where it is one of those known, else as `open_in_onnx_runtime`."""
    return _known_network(path) or open_in_onnx_runtime(path)


def open_in_onnx_runtime(path: Path) -> Model:
    """Opens an ONNX file for ONNX Runtime; raises UserError where it does not draw images or that is not installed."""
    runtime = _onnx_runtime(path)
    try:
        source, result = _ends(runtime)
    except ValueError as error:
        raise _unfit(path, f"an ONNX model from one tensor to one: {error}") from None
    shape = [side if isinstance(side, int) and side >= 0 else None for side in source["shape"]]
    return _model("ONNX", path, runtime.draw, shape, (source["dtype"], result["dtype"]), _onnx_metadata(runtime))


def describe_onnx(path: Path) -> dict[str, Any]:
    """Describes an ONNX file: by the header of a known network, else by its metadata, input and output.

    Raises:
        UserError: The file is damaged, or ONNX Runtime is not installed.
    """
    found = _known_network(path)
    if found is not None:
        return found.describe()
    return {"kind": "ONNX", "bytes": size_of(path), **_onnx_metadata(_onnx_runtime(path))}


def _onnx_runtime(path: Path) -> Runtime:
    """Opens an ONNX file that was checked with ONNX Runtime; raises UserError where it is damaged or refused."""
    check_onnx(["onnx", "onnxruntime"])
    check_onnx_operators(path)
    try:
        return open_runtime("ONNX", path)
    except Exception as error:  # ONNX Runtime's exceptions have no other common parent
        raise UserError(f"model {quote(path)} is not an ONNX file, or it is damaged: {_short(error)}") from None


def _known_network(path: Path) -> Model | None:
    from animegan3_tf.models.published import open_published

    try:
        return open_published(path)
    except UserError:  # another project's, which ONNX Runtime may run
        return None


def _onnx_metadata(runtime: Runtime) -> dict[str, str]:
    """A file's metadata by name, with its first "input" and "output" as ONNX Runtime describes them."""
    ends = {"input": runtime.description["inputs"], "output": runtime.description["outputs"]}
    described = {name: f"{end['name']}: {end['dtype']} {end['shape']}" for name, (end, *_) in ends.items()}
    return {**runtime.description["metadata"], **described}


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


def _model(
    kind: str,
    path: Path,
    draw: Forward,
    shape: Sequence[int | None] | None,
    dtypes: tuple[str, str],
    header: Mapping[str, Any],
) -> Model:
    """The model of a file whose input has a shape, and whose ends have types.

    Args:
        kind: As in `Model`, and so are `path` and `header`.
        path: The file or folder.
        draw: Runs the file; whatever it raises becomes a UserError.
        shape: That of the input, None where it is not known: it must be [1 or open, H, W, 3].
        dtypes: Those of the input and the output, which must be float32.
        header: What the file says about itself.
    """
    import tensorflow as tf

    sides = tuple(shape[1:3]) if shape is not None else ()
    fits = shape is not None and len(shape) == 4 and shape[0] in (1, None) and shape[3] == 3
    if not fits or sides.count(None) == 1 or dtypes[0] != "float32":
        raise _unfit(path, f"float32 [1, H, W, 3], but takes {dtypes[0]} {shape and list(shape)}")
    if dtypes[1] != "float32":
        raise _unfit(path, f"float32 [1, H, W, 3], but gives {dtypes[1]}")
    height, width = sides
    size = None if height is None or width is None else (height, width)
    if size is not None and not 0 < math.prod(size) <= _LARGEST:
        raise _unfit(path, f"for photos: it takes {size[1]}x{size[0]} pixels")
    exhausted = (MemoryError, tf.errors.ResourceExhaustedError)

    def forward(photo: np.ndarray) -> np.ndarray:
        try:
            return draw(photo)
        except exhausted:
            raise
        except Exception as error:
            raise UserError(f"model {quote(path)} failed: {_short(error)}") from None

    return Model(kind, path, forward, header, input_size=size, exhausted=exhausted)


def _short(error: Exception) -> str:
    """The beginning of an error's message on one line: TensorFlow's may fill a page."""
    return printable(one_line(error)[:200])


def _unfit(path: Path, why: str) -> UserError:
    """The error for a model that is not `why`."""
    return UserError(f"model {quote(path)} is not {printable(' '.join(why.split()))}; export it again")


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
        ValueError: The file is not a TFLite file; one that is damaged may raise anything.
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
