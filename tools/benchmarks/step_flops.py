"""Floating-point operations of a traced training step, counted from its graph with gradients and loops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf.comparison.speed import COUNTERS, called, depthwise, function_graph, needed, sizes_of

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


def count_step_flops(function: tf.types.experimental.ConcreteFunction) -> FlopCount:
    """Counts the floating-point operations of one call of a concrete function.

    As `comparison.flops.count_flops`, with gradients and Fourier transforms. All branches of a condition count, and a
    loop's body once per trip where the graph shows the trip count (a counter from one constant to another). Duplicates
    that TensorFlow's optimizer may merge later count separately.

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
    for operation in needed(graph):
        if operation.type in _COUNTERS:
            counted[operation.type] += times * _COUNTERS[operation.type](operation)
        elif operation.type in _HOST:
            excluded["host function"] += times
        elif operation.type in _LOOPS:
            condition, body = (function_graph(graph, operation.get_attr(part).name) for part in ("cond", "body"))
            trips = _trips(operation, condition, body)
            if trips is None:
                excluded["loop of unknown length"] += times
            else:
                _walk(body, times * trips, counted, excluded)
        else:
            for name in called(operation):
                _walk(function_graph(graph, name), times, counted, excluded)


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


def _convolution_input_gradient(operation: tf.Operation) -> int:
    _, kernel, gradient = operation.inputs
    return 2 * math.prod(sizes_of(gradient)) * math.prod(sizes_of(kernel)[:3])


def _convolution_kernel_gradient(operation: tf.Operation) -> int:
    return 2 * math.prod(sizes_of(operation.inputs[2])) * math.prod(sizes_of(operation.outputs[0])[:3])


def _fourier(dimensions: int, real_end: str | None) -> Callable[[tf.Operation], int]:
    """The usual convention: 5 n log2 n operations for n complex points, half of that for real ones.

    Args:
        dimensions: The number of last dimensions that are transformed.
        real_end: Which end is real: "input", "output" or None.

    Returns:
        The counter of such an operation.
    """

    def count(operation: tf.Operation) -> int:
        sizes = sizes_of(operation.inputs[0] if real_end != "output" else operation.outputs[0])
        points = math.prod(sizes[-dimensions:])
        return round((2.5 if real_end else 5.0) * math.prod(sizes) * math.log2(max(points, 2)))

    return count


_COUNTERS: dict[str, Callable[[tf.Operation], int]] = {
    **COUNTERS,
    "Conv2DBackpropInput": _convolution_input_gradient,
    "Conv2DBackpropFilter": _convolution_kernel_gradient,
    "DepthwiseConv2dNativeBackpropInput": depthwise(lambda op: op.inputs[1], lambda op: op.inputs[2]),
    "DepthwiseConv2dNativeBackpropFilter": depthwise(lambda op: op.outputs[0], lambda op: op.inputs[2]),
    **{f"{sign}FFT{suffix}": _fourier(n, None) for sign in ("", "I") for suffix, n in (("", 1), ("2D", 2))},
    **{f"RFFT{suffix}": _fourier(n, "input") for suffix, n in (("", 1), ("2D", 2))},
    **{f"IRFFT{suffix}": _fourier(n, "output") for suffix, n in (("", 1), ("2D", 2))},
}
