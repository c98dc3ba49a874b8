"""Graphs of TensorFlow, read as data: frozen graphs and TF.js models."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.graph_file import LARGEST, LARGEST_TEXT, GraphFile, Inputs, Node, Reader
from animegan3_tf.models.graph_operations import (
    NHWC,
    Operation,
    Unreadable,
    Value,
    View,
    binary,
    dims,
    inserted,
    labels_of,
    over,
    padded,
    removed,
    reshaped,
    resized,
    shape_of,
    transposed,
    unary,
)


def read_frozen_graph(path: Path) -> GraphFile:
    """Reads a frozen graph; nothing in it is executed.

    Raises:
        UserError: The file is not one, or is damaged or too large.
    """
    if path.stat().st_size > LARGEST:
        raise UserError(
            f"{str(path)!r} has {path.stat().st_size:,} bytes; a frozen generator has at most {LARGEST_TEXT}"
        )
    try:
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    except DecodeError as error:
        raise UserError(f"{str(path)!r} is no frozen graph, or it is damaged; fetch it again") from error
    constants = {}
    for node in graph.node:
        if node.op == "Const":
            try:
                constants[node.name] = tf.make_ndarray(node.attr["value"].tensor)
            except (TypeError, ValueError) as error:
                raise UserError(f"{str(path)!r} is damaged ({node.name}: {error}); fetch it again") from error
    return graph_file(graph, constants, "frozen graph", (path,))


def graph_file(
    graph: tf.compat.v1.GraphDef, constants: dict[str, np.ndarray], kind: str, files: tuple[Path, ...]
) -> GraphFile:
    """Makes a `GraphFile` of a GraphDef.

    Args:
        graph: The graph.
        constants: Its constants by name.
        kind: The kind of file, in words.
        files: All files of the graph; errors name the first.

    Raises:
        UserError: The graph has not just one input and one output.
    """
    nodes = {node.name: _node(node) for node in graph.node if node.op not in ("Const", "Placeholder")}
    photos = [node.name for node in graph.node if node.op == "Placeholder"]
    read = {source for node in nodes.values() for source in node.inputs}
    outputs = [name for name in nodes if name not in read]
    if len(photos) != 1 or len(outputs) != 1:
        raise UserError(
            f"{str(files[0])!r} is a graph of {len(photos)} inputs and {len(outputs)} outputs; a generator has one "
            "of each"
        )
    return GraphFile(kind, nodes, constants, photos[0], outputs[0], READERS, files)


def _node(node: tf.compat.v1.NodeDef) -> Node:
    sources = tuple(_tensor(name) for name in node.input if not name.startswith("^"))
    return Node(node.op, node.name, sources, {key: _plain(value) for key, value in node.attr.items()})


def _tensor(name: str) -> str:
    return name[:-2] if name.endswith(":0") else name


def _plain(value: Any) -> Any:
    """The value of an attribute (`AttrValue`)."""
    field = value.WhichOneof("value")
    if field == "list":
        return [number for _, numbers in value.list.ListFields() for number in numbers]
    return value.s.decode("utf-8", "replace") if field == "s" else getattr(value, field, None) if field else None


def _same(node: Node, inputs: Inputs) -> Value:
    return inputs[0]


def _binary(kind: str) -> Reader:
    return lambda node, inputs: binary(kind, node.name, *inputs)


def _unary(kind: str) -> Reader:
    return lambda node, inputs: unary(kind, node.name, *inputs)


def _floor_division(node: Node, inputs: Inputs) -> Value:
    return binary("divide", node.name, *inputs)


def _pad(node: Node, inputs: Inputs) -> Value:
    view, pads = inputs
    return padded(node.name, view, dict(enumerate(pads.tolist())), node.attributes["mode"])


def _convolution(node: Node, inputs: Inputs) -> Value:
    view, kernel = inputs
    labels = labels_of(view)
    attributes = node.attributes
    strides = attributes["strides"][1:3]
    if labels not in (NHWC, ("N", "1", "P", "C")) or attributes.get("data_format", "NHWC") != "NHWC":
        raise Unreadable(f"convolves a map of layout {labels}, {attributes.get('data_format')}")
    if attributes["padding"] != "VALID":
        raise Unreadable(f"pads {attributes['padding']}, not VALID")
    if attributes["strides"][0] != 1 or attributes["strides"][3] != 1 or strides[0] != strides[1]:
        raise Unreadable(f"has strides {attributes['strides']}")
    if set(attributes.get("dilations") or [1]) != {1}:
        raise Unreadable(f"has dilations {attributes['dilations']}")
    depthwise = node.op == "DepthwiseConv2dNative"
    channels = kernel.shape[2] * kernel.shape[3] if depthwise else kernel.shape[3]
    values = {"kernel": kernel, "strides": strides[0], "bias": None, "channels": channels}
    return View(Operation("depthwise" if depthwise else "convolution", (view.operation,), node.name, values), labels)


def _reduction(kind: str) -> Reader:
    def read(node: Node, inputs: Inputs) -> Value:
        view, axes = inputs
        if not node.attributes.get("keep_dims"):
            raise Unreadable("drops the dimensions it reduces")
        return unary(kind, node.name, view, over=over(view, axes))

    return read


def _softmax(node: Node, inputs: Inputs) -> Value:
    return unary("softmax", node.name, inputs[0], over=over(inputs[0], -1))


def _leaky_relu(node: Node, inputs: Inputs) -> Value:
    return unary("leaky_relu", node.name, inputs[0], alpha=float(node.attributes.get("alpha", 0.2)))


def _resize(node: Node, inputs: Inputs) -> Value:
    view, size = inputs
    if labels_of(view) != NHWC:
        raise Unreadable(f"resizes a map of layout {view.labels}")
    if node.attributes.get("align_corners"):
        raise Unreadable("aligns corners (align_corners=True)")
    grid = "half_pixel" if node.attributes.get("half_pixel_centers") else "legacy"
    return resized(node.name, view, dict(zip(("H", "W"), dims(size))), grid)


def _strided_slice(node: Node, inputs: Inputs) -> Value:
    source, begin, end, step = inputs
    if any(node.attributes.get(mask) for mask in ("ellipsis_mask", "new_axis_mask")) or len(begin) != 1:
        raise Unreadable("slices more than a shape")
    values = dims(source)
    if node.attributes.get("shrink_axis_mask"):
        return values[int(begin[0])]
    first = None if node.attributes.get("begin_mask") else int(begin[0])
    last = None if node.attributes.get("end_mask") else int(end[0])
    return values[first : last : int(step[0])]


def _pack(node: Node, inputs: Inputs) -> Value:
    if all(isinstance(value, np.ndarray) for value in inputs):
        return np.stack(inputs, node.attributes.get("axis", 0))
    return tuple(number for value in inputs for number in dims(value))


def _concatenation(node: Node, inputs: Inputs) -> Value:
    *parts, axis = inputs
    if all(isinstance(value, np.ndarray) for value in parts):
        return np.concatenate(parts, int(axis))
    if not any(isinstance(value, tuple) for value in parts):
        raise Unreadable("joins maps")
    return tuple(number for value in parts for number in dims(value))


def _squared_difference(node: Node, inputs: Inputs) -> Value:
    found = binary("subtract", node.name, *inputs)
    if not isinstance(found, View):
        raise Unreadable("takes a shape where a map belongs")
    return View(Operation("squared_difference", found.operation.inputs, node.name), found.labels)


READERS: dict[str, Reader] = {
    **dict.fromkeys(("Identity", "StopGradient", "Cast", "CheckNumerics"), _same),
    **{"Add": _binary("add"), "AddV2": _binary("add"), "BiasAdd": _binary("add"), "Sub": _binary("subtract")},
    **{"Mul": _binary("multiply"), "RealDiv": _binary("divide"), "Div": _binary("divide")},
    **{"FloorDiv": _floor_division, "SquaredDifference": _squared_difference},
    **{"Sqrt": _unary("square_root"), "Rsqrt": _unary("reciprocal_square_root"), "Tanh": _unary("tanh")},
    **{"Mean": _reduction("mean"), "Sum": _reduction("sum"), "Softmax": _softmax, "LeakyRelu": _leaky_relu},
    **{"MirrorPad": _pad, "Conv2D": _convolution, "DepthwiseConv2dNative": _convolution, "ResizeBilinear": _resize},
    "Reshape": lambda node, inputs: reshaped(node.name, *inputs),
    "ExpandDims": lambda node, inputs: inserted(*inputs),
    "Squeeze": lambda node, inputs: removed(inputs[0], node.attributes["squeeze_dims"]),
    "Transpose": lambda node, inputs: transposed(*inputs),
    "Shape": lambda node, inputs: shape_of(inputs[0]),
    "StridedSlice": _strided_slice,
    "Pack": _pack,
    "ConcatV2": _concatenation,
    "Range": lambda node, inputs: np.arange(*(int(value) for value in inputs)),
}


_TYPES = ("float32", "int32", "uint8", "uint16", "float16", "bool")


def read_tfjs(path: Path) -> GraphFile:
    """Reads a TF.js graph model; nothing in it is executed.

    Args:
        path: Its model.json. The files of weights lie beside it, under the names in it.

    Returns:
        The graph, its quantised weights as value = stored * scale + min, in float32.

    Raises:
        UserError: The file is not a graph model or is damaged, or a file of weights is missing or has another length.
    """
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
        if model.get("format", "graph-model") != "graph-model":
            raise UserError(f"{str(path)!r} is a TF.js {model['format']}; only a graph-model can be read")
        topology, groups = model["modelTopology"], model["weightsManifest"]
        graph = json_format.ParseDict(topology, tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
        files = [path.parent / _plain_name(name, path) for group in groups for name in group["paths"]]
        constants: dict[str, np.ndarray] = {}
        for group in groups:
            constants |= _weights(group, path)
    except (AttributeError, KeyError, TypeError, ValueError, json_format.ParseError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{str(path)!r} is not a TF.js graph model, or it is damaged: {why}") from error
    return graph_file(graph, constants, "TF.js", (path, *files))


def _plain_name(name: str, path: Path) -> str:
    if Path(name).name != name:
        raise UserError(f"{str(path)!r} names weights in another folder: {name!r}; they must lie beside it")
    return name


def _weights(group: dict[str, Any], path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a group of the manifest, whose files are read as one."""
    parts = []
    for name in group["paths"]:
        file = path.parent / _plain_name(name, path)
        if not file.is_file():
            raise UserError(f"{str(path)!r} needs {name!r} beside it, which does not exist; fetch it too")
        if file.stat().st_size > LARGEST:
            raise UserError(f"{str(file)!r} has {file.stat().st_size:,} bytes; a generator has at most {LARGEST_TEXT}")
        parts.append(file.read_bytes())
    stored, start = b"".join(parts), 0
    found: dict[str, np.ndarray] = {}
    for weight in group["weights"]:
        quantised = weight.get("quantization")
        stored_type = quantised["dtype"] if quantised else weight["dtype"]
        if stored_type not in _TYPES:
            raise UserError(f"{str(path)!r}: {weight['name']!r} is of type {stored_type!r}, which no generator has")
        count = math.prod(weight["shape"])
        length = count * np.dtype(stored_type).itemsize
        if start + length > len(stored):
            raise UserError(
                f"the weights of {str(path)!r} end before {weight['name']!r}; fetch {group['paths'][-1]!r} again"
            )
        array = np.frombuffer(stored, stored_type, count, start).reshape(weight["shape"])
        found[weight["name"]] = _dequantised(array, quantised, weight["dtype"])
        start += length
    if start != len(stored):
        raise UserError(
            f"the weights of {str(path)!r} have {len(stored):,} bytes, its manifest says {start:,}; fetch both again"
        )
    return found


def _dequantised(array: np.ndarray, quantised: dict[str, Any] | None, dtype: str) -> np.ndarray:
    if not quantised or "scale" not in quantised:  # float16 needs no scale
        return array.astype(dtype)
    # in double precision, as TF.js computes it
    return np.asarray(array.astype(np.float64) * quantised["scale"] + quantised["min"], dtype)
