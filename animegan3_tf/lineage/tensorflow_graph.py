"""What the nodes of TensorFlow graphs mean, and frozen graphs (.pb) as files of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from animegan3_tf.errors import UserError
from animegan3_tf.lineage.graph_file import LARGEST, LARGEST_TEXT, GraphFile, Node
from animegan3_tf.lineage.operations import (
    NHWC,
    Dims,
    Operation,
    Unreadable,
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
        UserError: It is not one, or is damaged or too large.
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
    """A GraphDef with one photo in and one picture out.

    Raises:
        UserError: It has not just one of each.
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


def _node(node):
    sources = tuple(_tensor(name) for name in node.input if not name.startswith("^"))
    return Node(node.op, node.name, sources, {key: _plain(value) for key, value in node.attr.items()})


def _tensor(name):
    return name[:-2] if name.endswith(":0") else name


def _plain(value):
    field = value.WhichOneof("value")
    if field == "list":
        return [number for _, numbers in value.list.ListFields() for number in numbers]
    return value.s.decode("utf-8", "replace") if field == "s" else getattr(value, field, None) if field else None


def _same(node, inputs):
    return inputs[0]


def _binary(kind):
    return lambda node, inputs: binary(kind, node.name, *inputs)


def _unary(kind):
    return lambda node, inputs: unary(kind, node.name, *inputs)


def _floor_division(node, inputs):
    return binary("divide", node.name, *inputs)


def _pad(node, inputs):
    view, pads = inputs
    return padded(node.name, view, dict(enumerate(pads.tolist())), node.attributes["mode"])


def _convolution(node, inputs):
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


def _reduction(kind):
    def read(node, inputs):
        view, axes = inputs
        if not node.attributes.get("keep_dims"):
            raise Unreadable("drops the dimensions it reduces")
        return unary(kind, node.name, view, over=over(view, axes))

    return read


def _softmax(node, inputs):
    return unary("softmax", node.name, inputs[0], over=over(inputs[0], -1))


def _leaky_relu(node, inputs):
    return unary("leaky_relu", node.name, inputs[0], alpha=float(node.attributes.get("alpha", 0.2)))


def _resize(node, inputs):
    view, size = inputs
    if labels_of(view) != NHWC:
        raise Unreadable(f"resizes a map of layout {view.labels}")
    if node.attributes.get("align_corners"):
        raise Unreadable("aligns corners (align_corners=True)")
    grid = "half_pixel" if node.attributes.get("half_pixel_centers") else "legacy"
    return resized(node.name, view, dict(zip(("H", "W"), dims(size))), grid)


def _strided_slice(node, inputs):
    source, begin, end, step = inputs
    if any(node.attributes.get(mask) for mask in ("ellipsis_mask", "new_axis_mask")) or len(begin) != 1:
        raise Unreadable("slices more than a shape")
    values = dims(source)
    if node.attributes.get("shrink_axis_mask"):
        return values[int(begin[0])]
    first = None if node.attributes.get("begin_mask") else int(begin[0])
    last = None if node.attributes.get("end_mask") else int(end[0])
    return values[first : last : int(step[0])]


def _pack(node, inputs):
    if all(isinstance(value, np.ndarray) for value in inputs):
        return np.stack(inputs, node.attributes.get("axis", 0))
    return tuple(number for value in inputs for number in dims(value))


def _concatenation(node, inputs):
    *parts, axis = inputs
    if all(isinstance(value, np.ndarray) for value in parts):
        return np.concatenate(parts, int(axis))
    if not any(isinstance(value, Dims) for value in parts):
        raise Unreadable("joins maps")
    return tuple(number for value in parts for number in dims(value))


READERS = {
    **dict.fromkeys(("Identity", "StopGradient", "Cast", "CheckNumerics"), _same),
    **{"Add": _binary("add"), "AddV2": _binary("add"), "BiasAdd": _binary("add"), "Sub": _binary("subtract")},
    **{"Mul": _binary("multiply"), "RealDiv": _binary("divide"), "Div": _binary("divide")},
    **{"FloorDiv": _floor_division, "SquaredDifference": lambda node, inputs: _squared_difference(node, inputs)},
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


def _squared_difference(node, inputs):
    found = binary("subtract", node.name, *inputs)
    return View(Operation("squared_difference", found.operation.inputs, node.name), found.labels)
