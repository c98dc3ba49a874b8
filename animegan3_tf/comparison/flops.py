"""Floating-point operations of a traced function, counted from its graph."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import tensorflow as tf

_HOST = ("EagerPyFunc", "PyFunc", "PyFuncStateless")
_LOOPS = ("While", "StatelessWhile")


@dataclass(frozen=True)
class FlopCount:
    """Floating-point operations of one call; a multiply-add counts as two.

    Attributes:
        by_operation: {operation type: floating-point operations} for convolutions, matrix products, their gradients and
            Fourier transforms. Elementwise operations, reductions, pooling and resizing are left out because memory
            bandwidth limits them.
        excluded: {description: number} of operations that could not be counted: Python functions on the host, and loops
            whose trip count the graph does not show.
    """

    by_operation: dict[str, int]
    excluded: dict[str, int]

    @property
    def total(self) -> int:
        """The sum over all operation types."""
        return sum(self.by_operation.values())


def count_flops(function: tf.types.experimental.ConcreteFunction) -> FlopCount:
    """Counts the floating-point operations of one call of a concrete function.

    Functions that it calls are included. All branches of a condition count. A loop's body counts once per trip where
    the graph shows the trip count (a counter from one constant to another). Operations that neither an output nor a
    side effect needs do not count, since TensorFlow prunes them before it runs the graph. Padding counts like any other
    pixel. Duplicates that TensorFlow's optimizer may merge later count separately.

    Args:
        function: Traced with fixed sizes.

    Returns:
        The count.

    Raises:
        ValueError: The size of an operation's tensor is not known; the message names the tensor.
    """
    counted: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    _walk(function.graph, 1, counted, excluded)
    return FlopCount(dict(counted), dict(excluded))


def _walk(graph: tf.Graph, times: int, counted: Counter[str], excluded: Counter[str]) -> None:
    for operation in _needed(graph):
        if operation.type in _COUNTERS:
            counted[operation.type] += times * _COUNTERS[operation.type](operation)
        elif operation.type in _HOST:
            excluded["host function"] += times
        elif operation.type in _LOOPS:
            condition, body = (_function_graph(graph, operation.get_attr(part).name) for part in ("cond", "body"))
            trips = _trips(operation, condition, body)
            if trips is None:
                excluded["loop of unknown length"] += times
            else:
                _walk(body, times * trips, counted, excluded)
        else:
            for name in _called(operation):
                _walk(_function_graph(graph, name), times, counted, excluded)


def _needed(graph: tf.Graph) -> set[tf.Operation]:
    """The operations that an output or a side effect of a function depends on."""
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    found = set()
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def _called(operation: tf.Operation) -> Iterator[str]:
    """Yields the names of the functions that an operation calls."""
    for key, value in operation.node_def.attr.items():
        if value.HasField("func"):
            yield value.func.name
        elif key == "branches":
            yield from (function.name for function in value.list.func)


def _function_graph(graph: tf.Graph, name: str) -> tf.Graph:
    while graph is not None:  # a function is defined in the graph that calls it or in one around that
        function = graph._get_function(name)
        if function is not None:
            return function.graph
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(f"function {name!r} is called but not defined")


def _trips(loop: tf.Operation, condition: tf.Graph, body: tf.Graph) -> int | None:
    """How often a loop runs, if its condition is `counter < constant` and its body adds a constant; else None."""
    test = _behind_identities(condition.outputs[0]).op
    if test.type != "Less":
        return None
    index = next((i for i, tensor in enumerate(condition.inputs) if tensor is test.inputs[0]), None)
    step = None if index is None else _behind_identities(body.outputs[index]).op
    if step is None or step.type != "AddV2" or step.inputs[0] is not body.inputs[index]:
        return None
    tensors = loop.inputs[index], test.inputs[1], step.inputs[1]
    start, end, add = (tf.get_static_value(_behind_identities(tensor)) for tensor in tensors)
    if start is None or end is None or add is None or add <= 0:
        return None
    return max(0, math.ceil((end - start) / add))


def _behind_identities(tensor: tf.Tensor) -> tf.Tensor:
    while tensor.op.type == "Identity":
        tensor = tensor.op.inputs[0]
    return tensor


def _sizes(tensor: tf.Tensor) -> list[int]:
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"{tensor.name} has shape {tensor.shape}; trace the function with fixed sizes to count it")
    return tensor.shape.as_list()


def _convolution(operation: tf.Operation) -> int:
    """Each output value sums over the kernel's height, width and input channels."""
    return 2 * math.prod(_sizes(operation.outputs[0])) * math.prod(_sizes(operation.inputs[1])[:3])


def _convolution_input_gradient(operation: tf.Operation) -> int:
    _, kernel, gradient = operation.inputs
    return 2 * math.prod(_sizes(gradient)) * math.prod(_sizes(kernel)[:3])


def _convolution_kernel_gradient(operation: tf.Operation) -> int:
    return 2 * math.prod(_sizes(operation.inputs[2])) * math.prod(_sizes(operation.outputs[0])[:3])


def _depthwise(
    kernel: Callable[[tf.Operation], tf.Tensor], values: Callable[[tf.Operation], tf.Tensor]
) -> Callable[[tf.Operation], int]:
    """Each value of a depthwise convolution's output, or of its gradient, sums over the kernel's height and width.

    Args:
        kernel: Returns the operation's tensor that has the kernel's shape.
        values: Returns the operation's tensor that has the shape of the values.

    Returns:
        The counter of such an operation.
    """

    def count(operation: tf.Operation) -> int:
        return 2 * math.prod(_sizes(values(operation))) * math.prod(_sizes(kernel(operation))[:2])

    return count


def _matrix_product(transposed: str) -> Callable[[tf.Operation], int]:
    """Each output value sums over the inner dimension; `transposed` names the attribute that says which one it is."""

    def count(operation: tf.Operation) -> int:
        inner = -2 if operation.get_attr(transposed) else -1
        return 2 * math.prod(_sizes(operation.outputs[0])) * _sizes(operation.inputs[0])[inner]

    return count


def _einsum(operation: tf.Operation) -> int:
    """One multiply-add for each combination of all labels, as in a sum of products that is written out."""
    equation = operation.get_attr("equation").decode().partition("->")[0]
    operands = equation.split(",")
    if len(operands) < 2:
        return 0
    lengths: defaultdict[str, int] = defaultdict(int)
    broadcast = 1
    for operand, tensor in zip(operands, operation.inputs):
        sizes = _sizes(tensor)
        before, ellipsis, after = operand.partition("...")
        if ellipsis:
            hidden = sizes[len(before) : len(sizes) - len(after)]
            broadcast = max(broadcast, math.prod(hidden))
            sizes = sizes[: len(before)] + sizes[len(sizes) - len(after) :]
        for label, size in zip(before + after, sizes):
            lengths[label] = max(lengths[label], size)
    return 2 * broadcast * math.prod(lengths.values())


def _fourier(dimensions: int, real_end: str | None) -> Callable[[tf.Operation], int]:
    """The usual convention: 5 n log2 n operations for n complex points, half of that for real ones.

    Args:
        dimensions: The number of last dimensions that are transformed.
        real_end: Which end is real: "input", "output" or None.

    Returns:
        The counter of such an operation.
    """

    def count(operation: tf.Operation) -> int:
        sizes = _sizes(operation.inputs[0] if real_end != "output" else operation.outputs[0])
        points = math.prod(sizes[-dimensions:])
        return round((2.5 if real_end else 5.0) * math.prod(sizes) * math.log2(max(points, 2)))

    return count


_COUNTERS: dict[str, Callable[[tf.Operation], int]] = {
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _convolution_input_gradient,
    "Conv2DBackpropFilter": _convolution_kernel_gradient,
    "DepthwiseConv2dNative": _depthwise(lambda op: op.inputs[1], lambda op: op.outputs[0]),
    "DepthwiseConv2dNativeBackpropInput": _depthwise(lambda op: op.inputs[1], lambda op: op.inputs[2]),
    "DepthwiseConv2dNativeBackpropFilter": _depthwise(lambda op: op.outputs[0], lambda op: op.inputs[2]),
    "MatMul": _matrix_product("transpose_a"),
    "BatchMatMulV2": _matrix_product("adj_x"),
    "Einsum": _einsum,
    **{f"{sign}FFT{suffix}": _fourier(n, None) for sign in ("", "I") for suffix, n in (("", 1), ("2D", 2))},
    **{f"RFFT{suffix}": _fourier(n, "input") for suffix, n in (("", 1), ("2D", 2))},
    **{f"IRFFT{suffix}": _fourier(n, "output") for suffix, n in (("", 1), ("2D", 2))},
}
