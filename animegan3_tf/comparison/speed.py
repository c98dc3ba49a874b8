"""Cost of methods: operations counted, times taken side by side, the machine described."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common import images
from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.memory import Memory
from animegan3_tf.comparison.method import Method
from animegan3_tf.training.watch import memory

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


@dataclass(frozen=True)
class Timing:
    """The wall-clock seconds of each call."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median in seconds."""
        return statistics.median(self.seconds)

    def to_dict(self) -> dict:
        """Median, minimum, maximum and all calls in milliseconds, for JSON."""
        return {
            "ms": 1e3 * self.median,
            "ms_low": 1e3 * min(self.seconds),
            "ms_high": 1e3 * max(self.seconds),
            "calls_ms": [1e3 * seconds for seconds in self.seconds],
        }


def seconds_of(run: Callable[[], object]) -> float:
    """Measures the wall-clock seconds of one call, until every device has finished."""
    start = time.perf_counter()
    run()
    tf.test.experimental.sync_devices()
    return time.perf_counter() - start


def take_turns(
    runs: dict[str, Callable[[], object]], rounds: int, after: Callable[[str], object] = lambda name: None
) -> dict[str, Timing]:
    """Times each function once per round, so that other load on the machine affects all of them alike.

    The order is reversed every round, so that no function always profits from the one before it (a warm cache, a filled
    queue).

    Args:
        runs: {name: function}.
        rounds: How often each function is called.
        after: Called with a function's name after each call, outside the timing.

    Returns:
        {name: timing}.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds):
        for name in list(runs)[:: 1 if i % 2 == 0 else -1]:
            seconds[name].append(seconds_of(runs[name]))
            after(name)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def ratios(slower: Timing, faster: Timing) -> tuple[float, ...]:
    """Returns `slower / faster` for each round."""
    return tuple(a / b for a, b in zip(slower.seconds, faster.seconds))


def describe_machine() -> dict:
    """Returns processor, cores, load, GPUs, library versions and thread settings as plain values for JSON."""
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "tf_threads": {
            "intra": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def peak_memory() -> dict[str, int]:
    """Returns the peak memory use so far.

    Returns:
        "process_bytes", of this process without its children; with a GPU also "gpu_bytes", of the fullest GPU.
    """
    used = memory()
    return {"process_bytes": used["process_peak"], **({"gpu_bytes": used["gpu_peak"]} if has_gpu() else {})}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@dataclass(frozen=True)
class Speed:
    """Times of a method at one size.

    Attributes:
        timing: Seconds of each call.
        reference: The first method that takes this size.
        ratio: (median, least, greatest) over rounds of this method's time divided by the reference's; above 1 is
            slower.
    """

    timing: Timing
    reference: str
    ratio: tuple[float, float, float]

    def to_dict(self) -> dict:
        """Plain values for JSON, in milliseconds."""
        median, low, high = self.ratio
        ratio = {"to": self.reference, "median": median, "low": low, "high": high}
        return {**self.timing.to_dict(), "ratio": ratio}


def time_methods(
    methods: Sequence[Method],
    photo: np.ndarray,
    sizes: Sequence[tuple[int, int]],
    rounds: int,
    memories: Mapping[str, Memory],
    advance: Advance | None = None,
) -> dict[str, dict[tuple[int, int], Speed]]:
    """Times the methods at each size that they take.

    An image runs in one piece. A call begins and ends with float32 in main memory: reading, resizing and writing files
    are not included, and neither is a method's first call at a size.

    Args:
        methods: The methods.
        photo: uint8 [H, W, 3], resized to each size.
        sizes: The (H, W) to time.
        rounds: Calls of each method at each size.
        memories: The results of `measure_memory`. A size that failed there is not tried here, where it would end the
            whole comparison.
        advance: Called with (calls done, all calls, method's name) after each call.

    Returns:
        {method's name: {(H, W): Speed}}, without sizes that a method does not take or failed at. A method without a
        generator has none.
    """
    found: dict[str, dict[tuple[int, int], Speed]] = {method.name: {} for method in methods}
    ready = {
        size: {m.name: m for m in methods if m.name in memories and size in memories[m.name].peaks} for size in sizes
    }
    total = (1 + rounds) * sum(map(len, ready.values()))
    done = 0

    def count(name: str) -> None:
        nonlocal done
        done += 1
        if advance:
            advance(done, total, name)

    for size in sizes:
        if not ready[size]:
            continue
        batch = images.resize(photo, size)[None].astype(np.float32) / 127.5 - 1.0
        calls: dict[str, Callable[[], object]] = {
            name: partial(method.in_one_piece, batch) for name, method in ready[size].items()
        }
        for name, call in list(calls.items()):
            try:
                call()
            except (UserError, MemoryError):  # it ran in the process that measured memory, so this is rare
                del calls[name]
            count(name)
        if not calls:
            continue
        timings = take_turns(calls, rounds, count)
        reference = next(iter(timings))
        for name, timing in timings.items():
            found[name][size] = Speed(timing, reference, spread(ratios(timing, timings[reference])))
    return found


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """(median, least, greatest) of the values."""
    return statistics.median(values), min(values), max(values)
