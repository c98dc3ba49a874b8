"""A published graph in one vocabulary, whatever file it came from: operations on feature maps, layouts gone.

A dimension is known by its label, so that NHWC, NCHW and the flattened positions of an attention are the same to
whoever compares: "N" pictures, "H" rows, "W" columns, "P" rows and columns as one, "C" channels, "1" a single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

NHWC = ("N", "H", "W", "C")
NCHW = ("N", "C", "H", "W")
_BIASED = ("convolution", "depthwise")


class Unreadable(Exception):
    """An operation whose meaning is not one of ours; the text says why."""


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation.

    Attributes:
        kind: "photo", "constant", "pad", "convolution", "depthwise", "mean", "sum", "softmax", "squared_difference",
            "add", "subtract", "multiply", "divide", "square_root", "reciprocal", "reciprocal_square_root",
            "leaky_relu", "tanh", "resize", or "unknown".
        inputs: What it is computed from.
        name: What its file calls it.
        values: Its attributes: arrays and plain values. Kernels are HWIO; `over` is a set of labels; `sides` of a pad
            is {label: (before, after)}; `why` of an unknown one is in words.
    """

    kind: str
    inputs: tuple[Operation, ...] = ()
    name: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class View:
    """An operation's result as its file lays it out. labels: None for constants, and for single numbers: any layout."""

    operation: Operation
    labels: tuple[str, ...] | None


@dataclass(frozen=True)
class Length:
    """A picture-dependent number: `factor` times the length of `operation` along `label`."""

    operation: Operation
    label: str
    factor: Fraction = Fraction(1)

    def times(self, number: Fraction) -> Length:
        """This one, multiplied."""
        return replace(self, factor=self.factor * number)


Dims = tuple  # of int, Fraction and Length: a shape, or part of one


def unknown(name: str, why: str, inputs: tuple[View, ...]) -> View:
    """What stands for an operation that cannot be read."""
    views = [view for view in inputs if isinstance(view, View)]
    labels = next((view.labels for view in views if view.labels), None)
    return View(Operation("unknown", tuple(view.operation for view in views), name, {"why": why}), labels)


def binary(kind: str, name: str, first: object, second: object) -> object:
    """Add, subtract, multiply or divide; of shapes and of integer arrays the result itself."""
    if isinstance(first, (Dims, Length)) or isinstance(second, (Dims, Length)) or (_whole(first) and _whole(second)):
        return _on_dims(kind, first, second)
    first, second = _aligned(first, second, name), _aligned(second, first, name)
    labels = first.labels or second.labels
    if first.labels and second.labels and first.labels != second.labels:
        raise Unreadable(f"joins maps of layouts {first.labels} and {second.labels}")
    one, other = first.operation, second.operation
    if kind == "multiply" and one is other and one.kind == "subtract":
        return View(Operation("squared_difference", one.inputs, name), labels)
    if kind == "add":
        for map_, constant in ((one, other), (other, one)):
            if constant.kind == "constant" and map_.kind in _BIASED and map_.values.get("bias") is None:
                bias = np.broadcast_to(constant.values["array"], map_.values["channels"])
                return View(replace(map_, values={**map_.values, "bias": bias}), labels)
    return View(Operation(kind, (one, other), name), labels)


def unary(kind: str, name: str, source: object, **values: object) -> View:
    """An operation on one map that keeps its layout."""
    view = constant(source, name)
    if kind == "reciprocal" and view.operation.kind == "square_root":
        return View(Operation("reciprocal_square_root", view.operation.inputs, name), view.labels)
    return View(Operation(kind, (view.operation,), name, values), view.labels)


def constant(value: object, name: str) -> View:
    """A view of an array; a view stays as it is."""
    if isinstance(value, View):
        return value
    if not isinstance(value, np.ndarray):
        raise Unreadable("takes a shape where a map belongs")
    if sum(side > 1 for side in value.shape) > 1:
        raise Unreadable(f"takes constants of shape {value.shape}; one a channel is what the networks have")
    return View(Operation("constant", (), name, {"array": value.reshape(-1)}), None)


def over(view: View, axes: object) -> frozenset[str]:
    """The labels of axes."""
    labels = labels_of(view)
    return frozenset(labels[int(axis)] for axis in np.atleast_1d(axes))


def labels_of(view: object) -> tuple[str, ...]:
    """The layout of a map."""
    if not isinstance(view, View) or view.labels is None:
        raise Unreadable("takes constants where a map belongs")
    return view.labels


def padded(name: str, view: View, pads: Mapping[int, tuple[int, int]], mode: str) -> View:
    """Padding by axis; none where all is zero."""
    sides = {labels_of(view)[axis]: tuple(int(n) for n in pair) for axis, pair in pads.items() if any(pair)}
    if not sides:
        return view
    if not set(sides) <= {"H", "W"}:
        raise Unreadable(f"pads along {', '.join(sorted(sides))}")
    return View(Operation("pad", (view.operation,), name, {"sides": sides, "mode": mode.lower()}), view.labels)


def resized(name: str, view: View, factors: Mapping[str, object], grid: str) -> View:
    """Bilinear resizing: factors by label, each a number or a `Length` of the map itself."""
    found = set()
    for label in ("H", "W"):
        factor = factors[label]
        if isinstance(factor, Length):
            if factor.label != label or factor.operation is not view.operation:
                raise Unreadable("resizes to a size that is not a multiple of its own")
            factor = factor.factor
        elif not isinstance(factor, (int, Fraction)):
            raise Unreadable("resizes by what cannot be read")
        found.add(Fraction(factor))
    if len(found) > 1:
        raise Unreadable("resizes height and width differently")
    return View(Operation("resize", (view.operation,), name, {"factor": found.pop(), "grid": grid}), view.labels)


def shape_of(view: object) -> Dims:
    """A map's shape, or an array's."""
    if isinstance(view, np.ndarray):
        return tuple(view.shape)
    return tuple(Length(view.operation, label) for label in labels_of(view))


def dims(value: object) -> Dims:
    """Numbers and lengths as a tuple."""
    if isinstance(value, np.ndarray):
        return tuple(_number(n) for n in value.reshape(-1).tolist())
    return value if isinstance(value, Dims) else (value,)


def reshaped(name: str, source: object, shape: object) -> object:
    """Rows and columns made one, or two again; the layouts of a reduced map; of arrays, NumPy's."""
    if isinstance(source, np.ndarray):
        return source.reshape([int(n) for n in dims(shape)])
    labels, target = labels_of(source), dims(shape)
    if labels == NHWC and len(target) == 3 and target[1] == -1:
        return View(source.operation, ("N", "P", "C"))
    rows_and_columns = [n.label for n in target[1:3] if isinstance(n, Length) and n.factor == 1]
    if labels == ("N", "P", "C") and len(target) == 4 and rows_and_columns == ["H", "W"]:
        return View(source.operation, NHWC)
    if len(target) == 4 and _is_moment(source.operation):  # a transposition in other words
        wide = [axis for axis in (1, 2, 3) if target[axis] != 1]
        if wide in ([], [1], [3]):
            return View(source.operation, {1: NCHW, 3: NHWC}[wide[0]] if wide else None)
    raise Unreadable(f"reshapes a map of layout {labels}")


def inserted(source: object, axes: object) -> object:
    """A single dimension more at each axis."""
    if isinstance(source, np.ndarray):
        return np.expand_dims(source, tuple(int(axis) for axis in np.atleast_1d(axes)))
    if isinstance(source, (Dims, Length)):
        return dims(source)
    labels, axes = list(labels_of(source)), np.atleast_1d(axes)
    rank = len(labels) + len(axes)  # which axes from the end are counted in
    for axis in sorted(int(axis) % rank for axis in axes):
        labels.insert(axis, "1")
    return View(source.operation, tuple(labels))


def removed(source: object, axes: object) -> object:
    """Single dimensions gone; of a shape of one number, the number."""
    if isinstance(source, np.ndarray):
        return np.squeeze(source, tuple(int(axis) for axis in np.atleast_1d(axes)))
    if isinstance(source, Dims) and len(source) == 1:
        return source[0]
    labels = list(labels_of(source))
    for axis in sorted((int(axis) % len(labels) for axis in np.atleast_1d(axes)), reverse=True):
        if labels.pop(axis) != "1":
            raise Unreadable(f"squeezes a dimension of layout {labels_of(source)} that is not a single one")
    return View(source.operation, tuple(labels))


def transposed(source: object, order: object) -> object:
    """Dimensions in another order."""
    order = [int(axis) for axis in np.atleast_1d(order)]
    if isinstance(source, np.ndarray):
        return source.transpose(order)
    return View(source.operation, tuple(labels_of(source)[axis] for axis in order))


def _is_moment(operation):
    """Whether it has one number a channel."""
    if operation.kind == "mean":
        return operation.values["over"] >= {"H", "W"}
    sources = [source for source in operation.inputs if source.kind != "constant"]
    return bool(sources) and all(map(_is_moment, sources))


def _aligned(value, other, name):
    """A constant as a view, checked to be one a channel of the map it meets."""
    if isinstance(value, np.ndarray) and value.size > 1 and isinstance(other, View) and other.labels:
        axis = next(axis for axis, side in enumerate(value.shape) if side > 1) - value.ndim + len(other.labels)
        if axis < 0 or other.labels[axis] != "C":
            raise Unreadable(f"takes constants of shape {value.shape} that are not one a channel")
    return constant(value, name)


def _whole(value):
    return isinstance(value, np.ndarray) and value.dtype.kind in "iu"


def _number(value):
    fraction = Fraction(value)
    return int(fraction) if fraction.denominator == 1 else fraction


_ON_NUMBERS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: _number(Fraction(a) / Fraction(b)),
}


def _on_dims(kind, first, second):
    if _whole(first) and _whole(second) and kind != "divide":
        return np.asarray(_ON_NUMBERS[kind](first, second))
    scalar = not any(
        isinstance(value, Dims) or (isinstance(value, np.ndarray) and value.ndim) for value in (first, second)
    )
    first, second = dims(first), dims(second)
    count = max(len(first), len(second))
    first, second = (values * count if len(values) == 1 else values for values in (first, second))
    if len(first) != len(second):
        raise Unreadable("computes with shapes of different ranks")
    found = tuple(_on_pair(kind, a, b) for a, b in zip(first, second))
    return found[0] if scalar else found


def _on_pair(kind, first, second):
    one, other = isinstance(first, Length), isinstance(second, Length)
    if not one and not other:
        return _ON_NUMBERS[kind](first, second)
    if one and other and kind == "divide" and (first.operation, first.label) == (second.operation, second.label):
        return _number(first.factor / second.factor)
    if kind == "multiply" and one != other:
        return first.times(second) if one else second.times(first)
    if kind == "divide" and one and not other:
        return first.times(1 / Fraction(second))
    raise Unreadable(f"computes a size by {kind}")
