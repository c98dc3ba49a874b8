"""Published graphs: ONNX files, frozen graphs and TF.js models, and the meaning of their nodes.

The files are read as data; nothing in them is executed, and ONNX Runtime is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from animegan3_tf.common.errors import UserError, one_line
from animegan3_tf.common.files import parse_json, read_bounded
from animegan3_tf.models import graph_operations as ops
from animegan3_tf.models.exported import check_onnx
from animegan3_tf.models.graph_operations import GraphFile, Inputs, Node, Operation, Reader, Unreadable, Value, View


def _same(node: Node, inputs: Inputs) -> Value:
    return inputs[0]


def _binary(kind: str) -> Reader:
    return lambda node, inputs: ops.binary(kind, node.name, *inputs)


def _unary(kind: str) -> Reader:
    return lambda node, inputs: ops.unary(kind, node.name, *inputs)


def _reduction(kind: str, kept: bool = True) -> Reader:
    """Reads a mean or a sum; `kept` is the format's default for keeping the dimensions that it reduces."""

    def read(node: Node, inputs: Inputs) -> Value:
        if not node.attributes.get("keepdims", node.attributes.get("keep_dims", kept)):
            raise Unreadable("drops the dimensions it reduces")
        axes = _given(node, inputs, "axes", 1)
        if axes is None:
            raise Unreadable("reduces everything")
        return ops.unary(kind, node.name, inputs[0], over=ops.over(inputs[0], axes))

    return read


def _leaky_relu(slope: float) -> Reader:
    """Reads a leaky ReLU; `slope` is the format's default."""

    def read(node: Node, inputs: Inputs) -> Value:
        return ops.unary("leaky_relu", node.name, inputs[0], alpha=float(node.attributes.get("alpha", slope)))

    return read


def _joined(parts: Inputs, axis: Any) -> Value:
    """Concatenates arrays, or parts of a shape."""
    if all(isinstance(value, np.ndarray) for value in parts):
        return np.concatenate(parts, int(axis))
    if not any(isinstance(value, tuple) for value in parts):
        raise Unreadable("joins maps")
    return tuple(number for value in parts for number in ops.dims(value))


def _given(node: Node, inputs: Inputs, name: str, index: int) -> Any:
    """An argument that some formats and versions take as an input and others as an attribute; None without it."""
    if name in node.attributes:
        return node.attributes[name]
    return inputs[index] if index < len(inputs) else None


_GRIDS = {"asymmetric": "legacy", "half_pixel": "half_pixel", "pytorch_half_pixel": "half_pixel"}
_SOFTMAX_BY_AXIS = 13  # from this operator set on, its axis is one axis; before, it was all axes from that one on


def read_onnx(path: Path) -> GraphFile:
    """Reads an ONNX file; nothing in it is executed.

    Raises:
        UserError: The file is not one, is damaged or too large, or has not just one input and one output; or the
            package onnx is missing.
    """
    check_onnx(["onnx"])
    import onnx
    from onnx import numpy_helper

    _check_size(path, "a generator")
    try:
        graph = (model := onnx.ModelProto.FromString(path.read_bytes())).graph
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        nodes: dict[str, Node] = {}
        opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
        for node in graph.node:
            attributes = {
                one.name: _onnx_plain(onnx.helper.get_attribute_value(one), numpy_helper) for one in node.attribute
            }
            if node.op_type == "Constant":
                constants[node.output[0]] = np.asarray(attributes.get("value"))
                continue
            made = Node(node.op_type, node.name or node.output[0], tuple(node.input), {**attributes, "opset": opset})
            nodes.update((output, made) for output in node.output)
    except (DecodeError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{str(path)!r} is not an ONNX file, or it is damaged: {' '.join(str(error).split())}"
        ) from error
    photos = [one.name for one in graph.input if one.name not in constants]
    photo, output = _only_ends(path, photos, [one.name for one in graph.output])
    return GraphFile("ONNX", nodes, constants, photo, output, ONNX_READERS, (path,))


def _check_size(path: Path, what: str) -> None:
    if path.stat().st_size > ops.LARGEST:
        raise UserError(f"{str(path)!r} has {path.stat().st_size:,} bytes; {what} has at most {ops.LARGEST_TEXT}")


def _only_ends(path: Path, photos: Sequence[str], outputs: Sequence[str]) -> tuple[str, str]:
    """The name of the one input and that of the one output of a graph; raises UserError where it has others."""
    if len(photos) != 1 or len(outputs) != 1:
        ends = f"{len(photos)} inputs and {len(outputs)} outputs"
        raise UserError(f"{str(path)!r} is a graph of {ends}; a generator has one of each")
    return photos[0], outputs[0]


def _onnx_plain(value: Any, numpy_helper: ModuleType) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return numpy_helper.to_array(value) if hasattr(value, "raw_data") else value


def _onnx_pad(node: Node, inputs: Inputs) -> Value:
    pads = [int(n) for n in np.asarray(_given(node, inputs, "pads", 1)).tolist()]
    half = len(pads) // 2
    return ops.padded(node.name, inputs[0], dict(enumerate(zip(pads[:half], pads[half:]))), node.attributes["mode"])


def _onnx_convolution(node: Node, inputs: Inputs) -> Value:
    view, kernel, *rest = inputs
    bias = rest[0] if rest else None
    labels, attributes = ops.labels_of(view), node.attributes
    strides = attributes.get("strides", [1, 1])
    if labels not in (ops.NCHW, ("N", "C", "1", "P")):
        raise Unreadable(f"convolves a map of layout {labels}")
    if any(attributes.get("pads", [0])) or attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Unreadable("pads by itself")
    if set(attributes.get("dilations", [1])) != {1} or strides[0] != strides[1]:
        raise Unreadable(f"has strides {strides} and dilations {attributes.get('dilations')}")
    group, filters = attributes.get("group", 1), kernel.shape[0]
    if group not in (1, filters) or (group > 1 and kernel.shape[1] != 1):
        raise Unreadable(f"is in {group} groups")
    depthwise = group > 1
    values = {"kernel": kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)}
    values |= {"strides": strides[0], "bias": bias, "channels": filters}
    return View(Operation("depthwise" if depthwise else "convolution", (view.operation,), node.name, values), labels)


def _global_average(node: Node, inputs: Inputs) -> Value:
    ops.labels_of(inputs[0])
    return ops.unary("mean", node.name, inputs[0], over=frozenset(("H", "W")))


def _onnx_softmax(node: Node, inputs: Inputs) -> Value:
    rank = len(ops.labels_of(inputs[0]))
    late = node.attributes["opset"] >= _SOFTMAX_BY_AXIS
    axis = node.attributes.get("axis", -1 if late else 1) % rank
    if not late and axis != rank - 1:
        raise Unreadable(f"flattens everything from axis {axis} on")
    return ops.unary("softmax", node.name, inputs[0], over=ops.over(inputs[0], axis))


def _onnx_resize(node: Node, inputs: Inputs) -> Value:
    """Resize (since operator set 10 or 11) and Upsample before it: by scales, or to sizes."""
    view, attributes = inputs[0], node.attributes
    if attributes.get("mode") not in ("linear", "bilinear"):
        raise Unreadable(f"resizes by {attributes.get('mode')}, not linearly")
    transformation = "asymmetric"
    if node.op == "Resize" and attributes["opset"] > 10:
        transformation = attributes.get("coordinate_transformation_mode", "half_pixel")
    if transformation not in _GRIDS:
        raise Unreadable(f"resizes on the grid {transformation}")
    if attributes.get("antialias"):
        raise Unreadable("resizes with antialiasing")
    given = [value for value in inputs[1:] if value is not None and len(ops.dims(value))]
    # of region of interest, scales and sizes the last one counts
    factors = dict(zip(ops.labels_of(view), ops.dims(given[-1])))
    own = dict(zip(ops.labels_of(view), ops.shape_of(view)))
    for label in ("N", "C"):
        if factors[label] not in (1, own[label]):
            raise Unreadable(f"resizes along {label}")
    return ops.resized(node.name, view, factors, _GRIDS[transformation])


def _gather(node: Node, inputs: Inputs) -> Value:
    source, indices = inputs
    if isinstance(source, View):
        raise Unreadable("picks parts of a map")
    values = ops.dims(source)
    if indices.ndim == 0:
        return values[int(indices)]
    return tuple(values[int(i)] for i in indices)


def _slice(node: Node, inputs: Inputs) -> Value:
    if isinstance(inputs[0], View):
        raise Unreadable("cuts a map")
    start, end = (_given(node, inputs, name, index) for name, index in (("starts", 1), ("ends", 2)))
    step = _given(node, inputs, "steps", 4)
    numbers = [int(np.asarray(value).reshape(-1)[0]) for value in (start, end, 1 if step is None else step)]
    return ops.dims(inputs[0])[slice(*numbers)]


ONNX_READERS: dict[str, Reader] = {
    **dict.fromkeys(("Identity", "Cast"), _same),
    **{"Add": _binary("add"), "Sub": _binary("subtract"), "Mul": _binary("multiply"), "Div": _binary("divide")},
    **{"Sqrt": _unary("square_root"), "Reciprocal": _unary("reciprocal"), "Tanh": _unary("tanh")},
    **{"GlobalAveragePool": _global_average, "ReduceMean": _reduction("mean"), "ReduceSum": _reduction("sum")},
    **{"Softmax": _onnx_softmax, "LeakyRelu": _leaky_relu(0.01), "Pad": _onnx_pad, "Conv": _onnx_convolution},
    **{"Resize": _onnx_resize, "Upsample": _onnx_resize, "Gather": _gather, "Slice": _slice},
    "Reshape": lambda node, inputs: ops.reshaped(node.name, inputs[0], inputs[1]),
    "Unsqueeze": lambda node, inputs: ops.inserted(inputs[0], _given(node, inputs, "axes", 1)),
    "Squeeze": lambda node, inputs: ops.removed(inputs[0], _given(node, inputs, "axes", 1)),
    "Transpose": lambda node, inputs: ops.transposed(inputs[0], node.attributes["perm"]),
    "Shape": lambda node, inputs: ops.shape_of(inputs[0]),
    "Concat": lambda node, inputs: _joined(inputs, node.attributes["axis"]),
}


def read_frozen_graph(path: Path) -> GraphFile:
    """Reads a frozen graph; nothing in it is executed.

    Raises:
        UserError: The file is not one, or is damaged or too large.
    """
    _check_size(path, "a frozen generator")
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
    photo, output = _only_ends(files[0], photos, outputs)
    return GraphFile(kind, nodes, constants, photo, output, TENSORFLOW_READERS, files)


def _node(node: tf.compat.v1.NodeDef) -> Node:
    sources = tuple(_tensor(name) for name in node.input if not name.startswith("^"))
    return Node(node.op, node.name, sources, {key: _tf_plain(value) for key, value in node.attr.items()})


def _tensor(name: str) -> str:
    return name[:-2] if name.endswith(":0") else name


def _tf_plain(value: Any) -> Any:
    """The value of an attribute (`AttrValue`)."""
    field = value.WhichOneof("value")
    if field == "list":
        return [number for _, numbers in value.list.ListFields() for number in numbers]
    return value.s.decode("utf-8", "replace") if field == "s" else getattr(value, field, None) if field else None


def _tf_pad(node: Node, inputs: Inputs) -> Value:
    view, pads = inputs
    return ops.padded(node.name, view, dict(enumerate(pads.tolist())), node.attributes["mode"])


def _tf_convolution(node: Node, inputs: Inputs) -> Value:
    view, kernel = inputs
    labels = ops.labels_of(view)
    attributes = node.attributes
    strides = attributes["strides"][1:3]
    if labels not in (ops.NHWC, ("N", "1", "P", "C")) or attributes.get("data_format", "NHWC") != "NHWC":
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


def _tf_resize(node: Node, inputs: Inputs) -> Value:
    view, size = inputs
    if ops.labels_of(view) != ops.NHWC:
        raise Unreadable(f"resizes a map of layout {view.labels}")
    if node.attributes.get("align_corners"):
        raise Unreadable("aligns corners (align_corners=True)")
    grid = "half_pixel" if node.attributes.get("half_pixel_centers") else "legacy"
    return ops.resized(node.name, view, dict(zip(("H", "W"), ops.dims(size))), grid)


def _strided_slice(node: Node, inputs: Inputs) -> Value:
    source, begin, end, step = inputs
    if any(node.attributes.get(mask) for mask in ("ellipsis_mask", "new_axis_mask")) or len(begin) != 1:
        raise Unreadable("slices more than a shape")
    values = ops.dims(source)
    if node.attributes.get("shrink_axis_mask"):
        return values[int(begin[0])]
    first = None if node.attributes.get("begin_mask") else int(begin[0])
    last = None if node.attributes.get("end_mask") else int(end[0])
    return values[first : last : int(step[0])]


def _pack(node: Node, inputs: Inputs) -> Value:
    if all(isinstance(value, np.ndarray) for value in inputs):
        return np.stack(inputs, node.attributes.get("axis", 0))
    return tuple(number for value in inputs for number in ops.dims(value))


def _squared_difference(node: Node, inputs: Inputs) -> Value:
    found = ops.binary("subtract", node.name, *inputs)
    if not isinstance(found, View):
        raise Unreadable("takes a shape where a map belongs")
    return View(Operation("squared_difference", found.operation.inputs, node.name), found.labels)


TENSORFLOW_READERS: dict[str, Reader] = {
    **dict.fromkeys(("Identity", "StopGradient", "Cast", "CheckNumerics"), _same),
    **{"Add": _binary("add"), "AddV2": _binary("add"), "BiasAdd": _binary("add"), "Sub": _binary("subtract")},
    **{"Mul": _binary("multiply"), "RealDiv": _binary("divide"), "Div": _binary("divide")},
    **{"FloorDiv": _binary("divide"), "SquaredDifference": _squared_difference},
    **{"Sqrt": _unary("square_root"), "Rsqrt": _unary("reciprocal_square_root"), "Tanh": _unary("tanh")},
    **{"Mean": _reduction("mean", kept=False), "Sum": _reduction("sum", kept=False), "LeakyRelu": _leaky_relu(0.2)},
    **{"Conv2D": _tf_convolution, "DepthwiseConv2dNative": _tf_convolution, "MirrorPad": _tf_pad},
    **{"ResizeBilinear": _tf_resize, "StridedSlice": _strided_slice, "Pack": _pack},
    "Softmax": lambda node, inputs: ops.unary("softmax", node.name, inputs[0], over=ops.over(inputs[0], -1)),
    "Reshape": lambda node, inputs: ops.reshaped(node.name, *inputs),
    "ExpandDims": lambda node, inputs: ops.inserted(*inputs),
    "Squeeze": lambda node, inputs: ops.removed(inputs[0], node.attributes["squeeze_dims"]),
    "Transpose": lambda node, inputs: ops.transposed(*inputs),
    "Shape": lambda node, inputs: ops.shape_of(inputs[0]),
    "ConcatV2": lambda node, inputs: _joined(inputs[:-1], inputs[-1]),
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
        model = parse_json(read_bounded(path))
        if model.get("format", "graph-model") != "graph-model":
            raise UserError(f"{str(path)!r} is a TF.js {model['format']}; only a graph-model can be read")
        topology, groups = model["modelTopology"], model["weightsManifest"]
        graph = json_format.ParseDict(topology, tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
        files = [path.parent / _plain_name(name, path) for group in groups for name in group["paths"]]
        constants: dict[str, np.ndarray] = {}
        for group in groups:
            constants |= _weights(group, path)
    except (AttributeError, KeyError, TypeError, ValueError, json_format.ParseError) as error:
        why = one_line(error)
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
        _check_size(file, "a generator")
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
