"""A published graph as its file has it, and the one notation of operations that ONNX and TensorFlow are read into."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Union

import numpy as np
from numpy.typing import ArrayLike

NHWC = ("N", "H", "W", "C")
NCHW = ("N", "C", "H", "W")
_BIASED = ("convolution", "depthwise")


class Unreadable(Exception):
    """An operation that has no counterpart in this vocabulary; the text says why."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        kind: "photo", "constant", "pad", "convolution", "depthwise", "mean", "sum", "softmax", "squared_difference",
            "add", "subtract", "multiply", "divide", "square_root", "reciprocal", "reciprocal_square_root",
            "leaky_relu", "tanh", "resize", or "unknown".
        inputs: The operations whose results it takes.
        name: Its name in the file.
        values: Its attributes: arrays and plain values. Kernels are HWIO; `over` is a set of labels; `sides` of a pad
            is {label: (before, after)}; `why` of an unknown one is in words.
    """

    kind: str
    inputs: tuple[Operation, ...] = ()
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)  # the type of each depends on the kind


@dataclass(frozen=True)
class View:
    """An operation's result as its file lays it out.

    Attributes:
        operation: The operation.
        labels: The dimensions in order. None for constants and for single numbers, which fit any layout.
    """

    operation: Operation
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class Length:
    """A number that depends on the image: `factor` times the length of `operation` along `label`."""

    operation: Operation
    label: str
    factor: Fraction = Fraction(1)

    def times(self, number: int | Fraction) -> Length:
        """This length, multiplied."""
        return replace(self, factor=self.factor * number)


Size = Union[int, Fraction, Length]
Dims = tuple[Size, ...]  # a shape, or part of one
Value = Union[View, np.ndarray, Dims, Size]  # the result of a node


def unknown(name: str, why: str, inputs: tuple[Value | None, ...]) -> View:
    """Makes the view that stands for an operation that cannot be read.

    Args:
        name: Its name in the file.
        why: The reason, in words that follow the name.
        inputs: The inputs of its node. It keeps those that are maps, and the layout of the first that has one.
    """
    views = [view for view in inputs if isinstance(view, View)]
    labels = next((view.labels for view in views if view.labels), None)
    return View(Operation("unknown", tuple(view.operation for view in views), name, {"why": why}), labels)


def binary(kind: str, name: str, first: Value, second: Value) -> Value:
    """Reads an addition, subtraction, multiplication or division.

    Args:
        kind: "add", "subtract", "multiply" or "divide".
        name: Its name in the file.
        first: The first operand.
        second: The second operand.

    Returns:
        Of shapes and of integer arrays, the result itself; otherwise a view. A constant that is added to a convolution
        becomes its bias; the square of a difference becomes a "squared_difference".

    Raises:
        Unreadable: The operands have different layouts, or a constant is not one a channel.
    """
    if _is_shape(first) or _is_shape(second) or (_whole(first) and _whole(second)):
        return _on_dims(kind, first, second)
    left, right = _aligned(first, second, name), _aligned(second, first, name)
    labels = left.labels or right.labels
    if left.labels and right.labels and left.labels != right.labels:
        raise Unreadable(f"joins maps of layouts {left.labels} and {right.labels}")
    one, other = left.operation, right.operation
    if kind == "multiply" and one is other and one.kind == "subtract":
        return View(Operation("squared_difference", one.inputs, name), labels)
    if kind == "add":
        for map_, constant in ((one, other), (other, one)):
            if constant.kind == "constant" and map_.kind in _BIASED and map_.values.get("bias") is None:
                bias = np.broadcast_to(constant.values["array"], map_.values["channels"])
                return View(replace(map_, values={**map_.values, "bias": bias}), labels)
    return View(Operation(kind, (one, other), name), labels)


def unary(kind: str, name: str, source: Value, **values: Any) -> View:
    """Reads an operation on one map that keeps its layout; `values` are its attributes."""
    view = constant(source, name)
    if kind == "reciprocal" and view.operation.kind == "square_root":
        return View(Operation("reciprocal_square_root", view.operation.inputs, name), view.labels)
    return View(Operation(kind, (view.operation,), name, values), view.labels)


def constant(value: Value, name: str) -> View:
    """Makes a view of an array; a view stays as it is.

    Raises:
        Unreadable: It is a shape, or an array with more than one number a channel.
    """
    if isinstance(value, View):
        return value
    if not isinstance(value, np.ndarray):
        raise Unreadable("takes a shape where a map belongs")
    if sum(side > 1 for side in value.shape) > 1:
        raise Unreadable(f"takes constants of shape {value.shape}; the networks have one a channel")
    return View(Operation("constant", (), name, {"array": value.reshape(-1)}), None)


def over(view: Value, axes: ArrayLike) -> frozenset[str]:
    """The labels of axes."""
    labels = labels_of(view)
    return frozenset(labels[axis] for axis in _whole_numbers(axes))


def labels_of(view: Value | None) -> tuple[str, ...]:
    """The layout of a map; raises Unreadable where it is none."""
    return _map(view)[1]


def _map(value: Value | None) -> tuple[View, tuple[str, ...]]:
    """A map and its layout."""
    if not isinstance(value, View) or value.labels is None:
        raise Unreadable("takes constants where a map belongs")
    return value, value.labels


def padded(name: str, view: View, pads: Mapping[int, tuple[int, int]], mode: str) -> View:
    """Reads a padding.

    Args:
        name: Its name in the file.
        view: The map.
        pads: {axis: (before, after)}. Where all are zero the map stays as it is.
        mode: Such as "REFLECT".

    Raises:
        Unreadable: It pads along something else than rows and columns.
    """
    sides = {labels_of(view)[axis]: tuple(int(n) for n in pair) for axis, pair in pads.items() if any(pair)}
    if not sides:
        return view
    if not set(sides) <= {"H", "W"}:
        raise Unreadable(f"pads along {', '.join(sorted(sides))}")
    return View(Operation("pad", (view.operation,), name, {"sides": sides, "mode": mode.lower()}), view.labels)


def resized(name: str, view: View, factors: Mapping[str, Size], grid: str) -> View:
    """Reads a bilinear resizing.

    Args:
        name: Its name in the file.
        view: The map.
        factors: {label: factor}, each a number or a `Length` of the map itself.
        grid: "half_pixel" or "legacy".

    Raises:
        Unreadable: The new size is not a multiple of the old one, or not the same multiple in height and width.
    """
    found = set()
    for label in ("H", "W"):
        factor = factors[label]
        if isinstance(factor, Length):
            if factor.label != label or factor.operation is not view.operation:
                raise Unreadable("resizes to a size that is not a multiple of its own")
            factor = factor.factor
        elif not isinstance(factor, (int, Fraction)):
            raise Unreadable("resizes by a factor that cannot be read")
        found.add(Fraction(factor))
    if len(found) > 1:
        raise Unreadable("resizes height and width differently")
    return View(Operation("resize", (view.operation,), name, {"factor": found.pop(), "grid": grid}), view.labels)


def shape_of(view: Value) -> Dims:
    """A map's shape, or an array's."""
    if isinstance(view, np.ndarray):
        return tuple(view.shape)
    source, labels = _map(view)
    return tuple(Length(source.operation, label) for label in labels)


def dims(value: Value) -> Dims:
    """Numbers and lengths as a tuple."""
    if isinstance(value, np.ndarray):
        return tuple(_number(n) for n in value.reshape(-1).tolist())
    if isinstance(value, tuple):
        return value
    return (value,)  # type: ignore[return-value]  # a map passes too: whatever computes with it raises


def reshaped(name: str, source: Value, shape: Value) -> Value:
    """Reads a reshaping.

    Args:
        name: Its name in the file.
        source: An array or a map.
        shape: The new shape.

    Returns:
        An array is reshaped by NumPy. Of a map, rows and columns become one or two again; a map with one number a
        channel may change between NHWC and NCHW.

    Raises:
        Unreadable: It is another reshaping of a map.
    """
    if isinstance(source, np.ndarray):
        # a size that depends on the image raises TypeError, which the caller reports
        return source.reshape([int(n) for n in dims(shape)])  # type: ignore[arg-type]
    view, labels = _map(source)
    target = dims(shape)
    if labels == NHWC and len(target) == 3 and target[1] == -1:
        return View(view.operation, ("N", "P", "C"))
    rows_and_columns = [n.label for n in target[1:3] if isinstance(n, Length) and n.factor == 1]
    if labels == ("N", "P", "C") and len(target) == 4 and rows_and_columns == ["H", "W"]:
        return View(view.operation, NHWC)
    if len(target) == 4 and _is_moment(view.operation):  # a transposition in other words
        wide = [axis for axis in (1, 2, 3) if target[axis] != 1]
        if wide in ([], [1], [3]):
            return View(view.operation, {1: NCHW, 3: NHWC}[wide[0]] if wide else None)
    raise Unreadable(f"reshapes a map of layout {labels}")


def inserted(source: Value, axes: ArrayLike) -> Value:
    """Inserts a single dimension at each axis; a shape stays as it is."""
    if isinstance(source, np.ndarray):
        return np.expand_dims(source, tuple(_whole_numbers(axes)))
    if _is_shape(source):
        return dims(source)
    view, layout = _map(source)
    labels, places = list(layout), _whole_numbers(axes)
    rank = len(labels) + len(places)  # which axes from the end are counted in
    for axis in sorted(axis % rank for axis in places):
        labels.insert(axis, "1")
    return View(view.operation, tuple(labels))


def removed(source: Value, axes: ArrayLike) -> Value:
    """Removes single dimensions; of a shape of one number, the number is left.

    Raises:
        Unreadable: A dimension is not a single one.
    """
    if isinstance(source, np.ndarray):
        return np.squeeze(source, tuple(_whole_numbers(axes)))
    if isinstance(source, tuple) and len(source) == 1:
        return source[0]
    view, layout = _map(source)
    labels = list(layout)
    for axis in sorted((axis % len(labels) for axis in _whole_numbers(axes)), reverse=True):
        if labels.pop(axis) != "1":
            raise Unreadable(f"squeezes a dimension of layout {layout} that is not a single one")
    return View(view.operation, tuple(labels))


def transposed(source: Value, order: ArrayLike) -> Value:
    """Puts the dimensions of an array or a map in another order."""
    axes = _whole_numbers(order)
    if isinstance(source, np.ndarray):
        return source.transpose(axes)
    view, labels = _map(source)
    return View(view.operation, tuple(labels[axis] for axis in axes))


def _is_moment(operation: Operation) -> bool:
    """Whether it has one number a channel."""
    if operation.kind == "mean":
        return bool(operation.values["over"] >= {"H", "W"})
    sources = [source for source in operation.inputs if source.kind != "constant"]
    return bool(sources) and all(map(_is_moment, sources))


def _aligned(value: Value, other: Value, name: str) -> View:
    """A constant as a view, checked to be one a channel of the map it meets."""
    if isinstance(value, np.ndarray) and value.size > 1 and isinstance(other, View) and other.labels:
        axis = next(axis for axis, side in enumerate(value.shape) if side > 1) - value.ndim + len(other.labels)
        if axis < 0 or other.labels[axis] != "C":
            raise Unreadable(f"takes constants of shape {value.shape} that are not one a channel")
    return constant(value, name)


def _is_shape(value: Value) -> bool:
    return isinstance(value, (tuple, Length))


def _whole(value: Value) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "iu"


def _whole_numbers(axes: ArrayLike) -> list[int]:
    return [int(axis) for axis in np.atleast_1d(axes)]


def _number(value: int | float | Fraction) -> int | Fraction:
    fraction = Fraction(value)
    return int(fraction) if fraction.denominator == 1 else fraction


_ON_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {  # of numbers, and all but division of integer arrays too
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: _number(Fraction(a) / Fraction(b)),
}


def _on_dims(kind: str, first: Value, second: Value) -> Value:
    if _whole(first) and _whole(second) and kind != "divide":
        return np.asarray(_ON_NUMBERS[kind](first, second))
    scalar = not any(
        isinstance(value, tuple) or (isinstance(value, np.ndarray) and value.ndim) for value in (first, second)
    )
    left, right = dims(first), dims(second)
    count = max(len(left), len(right))
    left, right = (values * count if len(values) == 1 else values for values in (left, right))
    if len(left) != len(right):
        raise Unreadable("computes with shapes of different ranks")
    found = tuple(_on_pair(kind, a, b) for a, b in zip(left, right))
    return found[0] if scalar else found


def _on_pair(kind: str, first: Size, second: Size) -> Size:
    if isinstance(first, Length):
        if isinstance(second, Length):
            if kind == "divide" and (first.operation, first.label) == (second.operation, second.label):
                return _number(first.factor / second.factor)
        elif kind == "multiply":
            return first.times(second)
        elif kind == "divide":
            return first.times(1 / Fraction(second))
    elif not isinstance(second, Length):
        return _ON_NUMBERS[kind](first, second)
    elif kind == "multiply":
        return second.times(first)
    raise Unreadable(f"computes a size by {kind}")


LARGEST = 1 << 30  # bytes of a file; the networks here take 16 MB at most
LARGEST_TEXT = "1 GiB"


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        op: The kind of node, as the file's format calls it.
        name: Its name in the file.
        inputs: Names of tensors, "" for one left out.
        attributes: Plain values and arrays.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # the type of each depends on the op


# a `Value` or None for each input of the node; a reader that gets one it cannot take raises, which `operations` reports
Inputs = Sequence[Any]
Reader = Callable[[Node, Inputs], Value]


@dataclass(frozen=True)
class GraphFile:
    """A graph.

    Attributes:
        kind: The kind of file, in words.
        nodes: The node that makes a tensor, by the tensor's name.
        constants: Arrays by name.
        photo: The name of the tensor that the photo goes into.
        output: The name of the tensor that comes out.
        readers: The function that reads each kind of node, by `Node.op`.
        files: All files of the graph.
    """

    kind: str
    nodes: Mapping[str, Node]
    constants: Mapping[str, np.ndarray]
    photo: str
    output: str
    readers: Mapping[str, Reader]
    files: tuple[Path, ...]

    def operations(self) -> tuple[Operation, list[str]]:
        """Reads the nodes that the output depends on.

        Returns:
            The operation that gives the image, and the names of stored numbers that it does not depend on. A node that
            cannot be read becomes an operation of kind "unknown".
        """
        tensors: dict[str, Value] = {self.photo: View(Operation("photo", name=self.photo), NHWC)}
        used = set()
        waiting = [self.output]
        while waiting:
            name = waiting[-1]
            if name in tensors or not name:
                waiting.pop()
            elif name in self.constants:
                used.add(name)
                tensors[waiting.pop()] = self.constants[name]
            elif name not in self.nodes:
                tensors[waiting.pop()] = unknown(name, "is used, but not defined", ())
            else:
                node = self.nodes[name]
                missing = [source for source in node.inputs if source and source not in tensors]
                if missing and missing[0] in waiting:
                    tensors[missing[0]] = unknown(missing[0], "depends on itself", ())
                elif missing:
                    waiting.append(missing[0])
                else:
                    tensors[waiting.pop()] = self._read(node, [tensors.get(source) for source in node.inputs])
        unused = [name for name, array in self.constants.items() if array.dtype.kind == "f" and array.ndim]
        output = tensors.get(self.output)
        if not isinstance(output, View):
            output = unknown(self.output, "gives numbers, not an image", ())
        return output.operation, sorted(set(unused) - used)

    def _read(self, node: Node, inputs: Inputs) -> Value:
        for view in inputs:  # the first that could not be read says why
            if isinstance(view, View) and view.operation.kind == "unknown" and view.labels is None:
                return view
        reader = self.readers.get(node.op)
        if reader is None:
            return unknown(node.name, f"is a {node.op}", tuple(inputs))
        try:
            return reader(node, inputs)
        except Unreadable as error:
            return unknown(node.name, f"({node.op}) {error}", tuple(inputs))
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            return unknown(node.name, f"({node.op}) cannot be read: {error}", tuple(inputs))
