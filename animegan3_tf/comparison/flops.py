"""Floating-point operations of a traced generator, counted from its graph."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator

import tensorflow as tf

Counter = Callable[[tf.Operation], int]


def count_flops(function: tf.types.experimental.ConcreteFunction) -> int:
    """Counts the convolutions and matrix products of one call of a concrete function; a multiply-add counts as two.

    Functions that it calls are included. Operations that neither an output nor a side effect needs do not count, since
    TensorFlow prunes them before it runs the graph. Padding counts like any other pixel. Elementwise operations,
    reductions, pooling and resizing are left out because memory bandwidth limits them. `tools/benchmarks/step_flops.py`
    counts gradients, loops and Fourier transforms too.

    Args:
        function: Traced with fixed sizes.

    Returns:
        The number of floating-point operations.

    Raises:
        ValueError: The size of an operation's tensor is not known; the message names the tensor.
    """
    return sum(COUNTERS[operation.type](operation) for operation in _all(function.graph) if operation.type in COUNTERS)


def _all(graph: tf.Graph) -> Iterator[tf.Operation]:
    for operation in needed(graph):
        yield operation
        for name in called(operation):
            yield from _all(function_graph(graph, name))


def needed(graph: tf.Graph) -> set[tf.Operation]:
    """The operations that an output or a side effect of a function depends on."""
    waiting = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    found = set()
    while waiting:
        operation = waiting.pop()
        if operation not in found:
            found.add(operation)
            waiting += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def called(operation: tf.Operation) -> Iterator[str]:
    """Yields the names of the functions that an operation calls."""
    for key, value in operation.node_def.attr.items():
        if value.HasField("func"):
            yield value.func.name
        elif key == "branches":
            yield from (function.name for function in value.list.func)


def function_graph(graph: tf.Graph, name: str) -> tf.Graph:
    """The graph of a function that an operation of `graph` calls."""
    while graph is not None:  # a function is defined in the graph that calls it or in one around that
        function = graph._get_function(name)
        if function is not None:
            return function.graph
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(f"function {name!r} is called but not defined")


def sizes_of(tensor: tf.Tensor) -> list[int]:
    """The sizes of a tensor; raises ValueError where one is not known."""
    if not tensor.shape.is_fully_defined():
        raise ValueError(f"{tensor.name} has shape {tensor.shape}; trace the function with fixed sizes to count it")
    return tensor.shape.as_list()


def _convolution(operation: tf.Operation) -> int:
    """Each output value sums over the kernel's height, width and input channels."""
    return 2 * math.prod(sizes_of(operation.outputs[0])) * math.prod(sizes_of(operation.inputs[1])[:3])


def depthwise(kernel: Callable[[tf.Operation], tf.Tensor], values: Callable[[tf.Operation], tf.Tensor]) -> Counter:
    """Each value of a depthwise convolution's output, or of its gradient, sums over the kernel's height and width.

    Args:
        kernel: Returns the operation's tensor that has the kernel's shape.
        values: Returns the operation's tensor that has the shape of the values.

    Returns:
        The counter of such an operation.
    """

    def count(operation: tf.Operation) -> int:
        return 2 * math.prod(sizes_of(values(operation))) * math.prod(sizes_of(kernel(operation))[:2])

    return count


def _matrix_product(transposed: str) -> Counter:
    """Each output value sums over the inner dimension; `transposed` names the attribute that says which one it is."""

    def count(operation: tf.Operation) -> int:
        inner = -2 if operation.get_attr(transposed) else -1
        return 2 * math.prod(sizes_of(operation.outputs[0])) * sizes_of(operation.inputs[0])[inner]

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
        sizes = sizes_of(tensor)
        before, ellipsis, after = operand.partition("...")
        if ellipsis:
            hidden = sizes[len(before) : len(sizes) - len(after)]
            broadcast = max(broadcast, math.prod(hidden))
            sizes = sizes[: len(before)] + sizes[len(sizes) - len(after) :]
        for label, size in zip(before + after, sizes):
            lengths[label] = max(lengths[label], size)
    return 2 * broadcast * math.prod(lengths.values())


COUNTERS: dict[str, Counter] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": depthwise(lambda op: op.inputs[1], lambda op: op.outputs[0]),
    "MatMul": _matrix_product("transpose_a"),
    "BatchMatMulV2": _matrix_product("adj_x"),
    "Einsum": _einsum,
}
