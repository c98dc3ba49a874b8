"""Published ONNX files, and the meaning of their nodes. They are read as data; ONNX Runtime is not needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.graph_file import LARGEST, LARGEST_TEXT, GraphFile, Inputs, Node, Reader
from animegan3_tf.models.graph_operations import (
    NCHW,
    Operation,
    Size,
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

if TYPE_CHECKING:
    from types import ModuleType

_GRIDS = {"asymmetric": "legacy", "half_pixel": "half_pixel", "pytorch_half_pixel": "half_pixel"}
_SOFTMAX_BY_AXIS = 13  # from this operator set on, its axis is one axis; before, it was all axes from that one on


def read_onnx(path: Path) -> GraphFile:
    """Reads an ONNX file; nothing in it is executed.

    Raises:
        UserError: The file is not one, is damaged or too large, or has not just one input and one output; or the
            package onnx is missing.
    """
    from animegan3_tf.export.onnx import check_onnx

    check_onnx(["onnx"])
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    if path.stat().st_size > LARGEST:
        raise UserError(f"{str(path)!r} has {path.stat().st_size:,} bytes; a generator has at most {LARGEST_TEXT}")
    try:
        graph = (model := onnx.ModelProto.FromString(path.read_bytes())).graph
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        nodes: dict[str, Node] = {}
        opset = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
        for node in graph.node:
            attributes = {
                one.name: _plain(onnx.helper.get_attribute_value(one), numpy_helper) for one in node.attribute
            }
            if node.op_type == "Constant":
                constants[node.output[0]] = np.asarray(attributes.get("value"))
                continue
            name = node.name or node.output[0]
            made = Node(node.op_type, name, tuple(node.input), {**attributes, "opset": opset})
            nodes.update((output, made) for output in node.output)
    except (DecodeError, IndexError, TypeError, ValueError) as error:
        raise UserError(
            f"{str(path)!r} is not an ONNX file, or it is damaged: {' '.join(str(error).split())}"
        ) from error
    photos = [one for one in graph.input if one.name not in constants]
    if len(photos) != 1 or len(graph.output) != 1:
        raise UserError(
            f"{str(path)!r} is a graph of {len(photos)} inputs and {len(graph.output)} outputs; a generator has one of "
            "each"
        )
    return GraphFile("ONNX", nodes, constants, photos[0].name, graph.output[0].name, READERS, (path,))


def _plain(value: Any, numpy_helper: ModuleType) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return numpy_helper.to_array(value) if hasattr(value, "raw_data") else value


def _given(node: Node, inputs: Inputs, name: str, index: int) -> Any:
    """An argument that later operator sets take as an input and earlier ones as an attribute; None without it."""
    if name in node.attributes:
        return node.attributes[name]
    return inputs[index] if index < len(inputs) else None


def _binary(kind: str) -> Reader:
    return lambda node, inputs: binary(kind, node.name, *inputs)


def _unary(kind: str) -> Reader:
    return lambda node, inputs: unary(kind, node.name, *inputs)


def _same(node: Node, inputs: Inputs) -> Value:
    return inputs[0]


def _pad(node: Node, inputs: Inputs) -> Value:
    pads = [int(n) for n in np.asarray(_given(node, inputs, "pads", 1)).tolist()]
    half = len(pads) // 2
    return padded(node.name, inputs[0], dict(enumerate(zip(pads[:half], pads[half:]))), node.attributes["mode"])


def _convolution(node: Node, inputs: Inputs) -> Value:
    view, kernel, *rest = inputs
    bias = rest[0] if rest else None
    labels, attributes = labels_of(view), node.attributes
    strides = attributes.get("strides", [1, 1])
    if labels not in (NCHW, ("N", "C", "1", "P")):
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
    labels_of(inputs[0])
    return unary("mean", node.name, inputs[0], over=frozenset(("H", "W")))


def _reduction(kind: str) -> Reader:
    def read(node: Node, inputs: Inputs) -> Value:
        if not node.attributes.get("keepdims", 1):
            raise Unreadable("drops the dimensions it reduces")
        axes = _given(node, inputs, "axes", 1)
        if axes is None:
            raise Unreadable("reduces everything")
        return unary(kind, node.name, inputs[0], over=over(inputs[0], axes))

    return read


def _softmax(node: Node, inputs: Inputs) -> Value:
    rank = len(labels_of(inputs[0]))
    late = node.attributes["opset"] >= _SOFTMAX_BY_AXIS
    axis = node.attributes.get("axis", -1 if late else 1) % rank
    if not late and axis != rank - 1:
        raise Unreadable(f"flattens everything from axis {axis} on")
    return unary("softmax", node.name, inputs[0], over=over(inputs[0], axis))


def _leaky_relu(node: Node, inputs: Inputs) -> Value:
    return unary("leaky_relu", node.name, inputs[0], alpha=float(node.attributes.get("alpha", 0.01)))


def _resize(node: Node, inputs: Inputs) -> Value:
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
    given = [value for value in inputs[1:] if value is not None and len(dims(value))]
    sizes = dims(given[-1])  # of region of interest, scales and sizes the last one counts
    factors = dict(zip(labels_of(view), sizes))
    for label in ("N", "C"):
        if factors[label] not in (1, _own(view, label)):
            raise Unreadable(f"resizes along {label}")
    return resized(node.name, view, factors, _GRIDS[transformation])


def _own(view: View, label: str) -> Size:
    return shape_of(view)[labels_of(view).index(label)]


def _reshape(node: Node, inputs: Inputs) -> Value:
    return reshaped(node.name, inputs[0], inputs[1])


def _gather(node: Node, inputs: Inputs) -> Value:
    source, indices = inputs
    if isinstance(source, View):
        raise Unreadable("picks parts of a map")
    values = dims(source)
    if indices.ndim == 0:
        return values[int(indices)]
    return tuple(values[int(i)] for i in indices)


def _slice(node: Node, inputs: Inputs) -> Value:
    if isinstance(inputs[0], View):
        raise Unreadable("cuts a map")
    start, end = (_given(node, inputs, name, index) for name, index in (("starts", 1), ("ends", 2)))
    step = _given(node, inputs, "steps", 4)
    numbers = [int(np.asarray(value).reshape(-1)[0]) for value in (start, end, 1 if step is None else step)]
    return dims(inputs[0])[slice(*numbers)]


def _concatenation(node: Node, inputs: Inputs) -> Value:
    if all(isinstance(value, np.ndarray) for value in inputs):
        return np.concatenate(inputs, node.attributes["axis"])
    if not any(isinstance(value, tuple) for value in inputs):
        raise Unreadable("joins maps")
    return tuple(number for value in inputs for number in dims(value))


def _unsqueeze(node: Node, inputs: Inputs) -> Value:
    return inserted(inputs[0], _given(node, inputs, "axes", 1))


def _squeeze(node: Node, inputs: Inputs) -> Value:
    return removed(inputs[0], _given(node, inputs, "axes", 1))


READERS: dict[str, Reader] = {
    **dict.fromkeys(("Identity", "Cast"), _same),
    **{"Add": _binary("add"), "Sub": _binary("subtract"), "Mul": _binary("multiply"), "Div": _binary("divide")},
    **{"Sqrt": _unary("square_root"), "Reciprocal": _unary("reciprocal"), "Tanh": _unary("tanh")},
    **{"GlobalAveragePool": _global_average, "ReduceMean": _reduction("mean"), "ReduceSum": _reduction("sum")},
    **{"Softmax": _softmax, "LeakyRelu": _leaky_relu, "Pad": _pad, "Conv": _convolution},
    **{"Resize": _resize, "Upsample": _resize, "Reshape": _reshape, "Unsqueeze": _unsqueeze, "Squeeze": _squeeze},
    **{"Shape": lambda node, inputs: shape_of(inputs[0]), "Gather": _gather, "Slice": _slice},
    **{"Transpose": lambda node, inputs: transposed(inputs[0], node.attributes["perm"]), "Concat": _concatenation},
}
