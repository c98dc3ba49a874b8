"""Groups the operations of a published graph into blocks: convolutions, normalisations, LADE, attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

import numpy as np

from animegan3_tf.models.graph_operations import Operation

_COMMUTE = ("add", "multiply", "squared_difference")


@dataclass(frozen=True)
class Wildcard:
    """Any operation; the same one wherever the name stands again."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant: one number, or one a channel."""

    name: str


@dataclass(frozen=True)
class Pattern:
    """An operation of one kind.

    Attributes:
        kind: As in `Operation`.
        inputs: What its inputs must fit, in order; an addition's, a multiplication's and a squared difference's in
            either order.
        values: Attributes that it must have.
        name: Where it is not empty, the operation that fits is kept under it.
    """

    kind: str
    inputs: tuple[Wanted, ...]
    values: Mapping[str, Any] = field(default_factory=dict)  # as in `Operation`
    name: str = ""


Wanted = Union[Wildcard, Number, Pattern]
Fit = dict[str, Operation]  # operations by the names in a pattern


def pattern(kind: str, *inputs: Wanted, name: str = "", **values: Any) -> Pattern:
    """A `Pattern`, written short."""
    return Pattern(kind, inputs, values, name)


def fits(wanted: Wanted, operation: Operation, found: Fit | None = None) -> Iterator[Fit]:
    """Yields every way in which an operation fits.

    Args:
        wanted: What it should fit.
        operation: The operation.
        found: Names that already stand for an operation.

    Yields:
        {name: operation}, those of `found` included.
    """
    found = found or {}
    if isinstance(wanted, Wildcard):
        if found.get(wanted.name, operation) is operation:
            yield {**found, wanted.name: operation}
    elif isinstance(wanted, Number):
        if operation.kind == "constant":
            yield {**found, wanted.name: operation}
    elif (
        operation.kind == wanted.kind
        and len(operation.inputs) == len(wanted.inputs)
        and all(operation.values.get(key) == value for key, value in wanted.values.items())
    ):
        kept = {**found, wanted.name: operation} if wanted.name else found
        orders = [operation.inputs]
        if wanted.kind in _COMMUTE:
            orders.append(operation.inputs[::-1])
        for inputs in orders:
            yield from _all_fit(list(zip(wanted.inputs, inputs)), kept)


def _all_fit(pairs: list[tuple[Wanted, Operation]], found: Fit) -> Iterator[Fit]:
    if not pairs:
        yield found
        return
    (wanted, operation), *rest = pairs
    for first in fits(wanted, operation, found):
        yield from _all_fit(rest, first)


def first_fit(wanted: Wanted, operation: Operation) -> Fit | None:
    """One way in which an operation fits, or None."""
    return next(fits(wanted, operation), None)


_ROWS = frozenset(("H", "W"))
_EVERYTHING = frozenset(("H", "W", "C"))
_NEAR = 10  # operations that make up a layer, one behind the other
_PLAIN = ("leaky_relu", "tanh", "resize", "add", "photo")


@dataclass(frozen=True, eq=False)
class Block:
    """One block, which a layer of a network can match.

    Attributes:
        kind: "photo", "convolution", "depthwise", "lade", "norm", "attention", "leaky_relu", "add", "resize", "tanh",
            or "unknown".
        inputs: The blocks before it.
        name: The name of its last operation in the file.
        values: Arrays and constants. A norm's `axes` is "batch", "instance" or "layer", as is an attention's `norm`;
            `why` of an unknown one is in words.
    """

    kind: str
    inputs: tuple[Block, ...] = ()
    name: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)  # the type of each depends on the kind


Recognised = tuple[str, tuple[Operation, ...], Mapping[str, Any]]  # kind, operations before it, values


def blocks_of(output: Operation) -> Block:
    """Groups operations into blocks.

    Args:
        output: The operation that gives the image.

    Returns:
        The block that gives the image; the others are reached through `inputs`.
    """
    made: dict[Operation, Block] = {}
    waiting = [output]
    while waiting:
        operation = waiting[-1]
        if operation in made:
            waiting.pop()
            continue
        kind, sources, values = _recognised(operation)
        missing = [source for source in sources if source not in made]
        if missing:
            waiting.extend(missing)
        else:
            made[waiting.pop()] = Block(kind, tuple(made[source] for source in sources), operation.name, values)
    return made[output]


def _recognised(operation: Operation) -> Recognised:
    for recognise in (_convolution, _attention, _lade, _norm):
        found = recognise(operation)
        if found:
            return found
    if operation.kind in _PLAIN and not any(source.kind == "constant" for source in operation.inputs):
        return operation.kind, operation.inputs, operation.values
    # one operation in the place of a layer: the blocks behind it can still be compared
    behind = operation.inputs if operation.kind == "unknown" and len(operation.inputs) == 1 else ()
    return "unknown", behind, {"why": _why(operation)}


def _why(operation: Operation) -> str:
    """Says why an operation is part of no layer; an operation before it that could not be read is named first."""
    near = [operation]
    for _ in range(_NEAR):
        for one in near:
            if one.kind == "unknown":
                why = str(one.values["why"])
                return why if one is operation else f"stands on {one.name}, which {why}"
        near = list(dict.fromkeys(source for one in near for source in one.inputs))
    return f"is a {operation.kind} that belongs to no layer of the networks"


def _convolution(operation: Operation) -> Recognised | None:
    if operation.kind not in ("convolution", "depthwise"):
        return None
    (source,) = operation.inputs
    values = {"sides": {}, "mode": "reflect", **operation.values}
    if source.kind == "pad":
        values |= source.values
        (source,) = source.inputs
    return operation.kind, (source,), values


def _mean(x: Wanted, axes: frozenset[str]) -> Pattern:
    return pattern("mean", x, over=axes)


def _variance(x: Wanted, axes: frozenset[str]) -> Pattern:
    return _mean(pattern("squared_difference", x, _mean(x, axes)), axes)


def _scaled(x: Wanted, mean: Wanted, variance: Wanted) -> Pattern:
    """Normalisation as TensorFlow 1 writes it: x * inverse + (beta - mean * inverse)."""
    deviation = pattern("reciprocal_square_root", pattern("add", variance, Number("epsilon")))
    inverse = pattern("multiply", deviation, Number("gamma"))
    shift = pattern("subtract", Number("beta"), pattern("multiply", mean, inverse))
    return pattern("add", pattern("multiply", x, inverse), shift)


_X, _TARGET = Wildcard("x"), Wildcard("target")
_NORMS = {
    "instance": _scaled(_X, _mean(_X, _ROWS), _variance(_X, _ROWS)),
    "layer": _scaled(_X, _mean(_X, _EVERYTHING), _variance(_X, _EVERYTHING)),
    "batch": _scaled(_X, Number("moving_mean"), Number("moving_variance")),
}
_DEVIATION = pattern("square_root", pattern("add", _variance(_X, _ROWS), Number("epsilon")))
_NORMALISED = pattern("divide", pattern("subtract", _X, _mean(_X, _ROWS)), _DEVIATION)
_TARGET_DEVIATION = pattern("square_root", pattern("add", _variance(_TARGET, _ROWS), Number("target_epsilon")))
_LADE = pattern("add", pattern("multiply", _NORMALISED, _TARGET_DEVIATION), _mean(_TARGET, _ROWS))
_JOINED = pattern("leaky_relu", pattern("add", Wildcard("answer"), _X))
_WEIGHTS = Wildcard("weights")
_SUM = pattern("add", Number("epsilon"), pattern("sum", _WEIGHTS, over=frozenset(("C",))))
_READ = pattern("convolution", pattern("divide", _WEIGHTS, _SUM), name="from_memory")
_ANSWER = pattern("convolution", _READ, name="project_out")
_LOGITS = pattern("convolution", pattern("convolution", _X, name="project_in"), name="to_memory")
_SOFTMAX = pattern("softmax", _LOGITS, over=frozenset(("P",)))
_PARAMETERS = ("gamma", "beta", "moving_mean", "moving_variance")  # of a normalisation; some have only two


def _norm(operation: Operation) -> Recognised | None:
    for axes, wanted in _NORMS.items():
        found = first_fit(wanted, operation)
        if found:
            values = {name: _array(found[name]) for name in _PARAMETERS if name in found}
            return "norm", (found["x"],), {"axes": axes, "epsilon": _epsilon(found["epsilon"]), **values}
    return None


def _lade(operation: Operation) -> Recognised | None:
    found = first_fit(_LADE, operation)
    if not found:
        return None
    x, target = found["x"], found["target"]
    values = {"epsilon": _epsilon(found["epsilon"]), "target_epsilon": _epsilon(found["target_epsilon"])}
    if target.kind != "convolution" or target.inputs != (x,) or not _is_linear(target):
        return "unknown", (), {"why": "is a LADE whose target is not a 1x1 convolution of its input"}
    return "lade", (x,), {**values, "kernel": target.values["kernel"]}


def _attention(operation: Operation) -> Recognised | None:
    """External attention, whose normalisation may be folded into its last convolution."""
    if not first_fit(_JOINED, operation):
        return None
    both = operation.inputs[0].inputs
    for answer, x in (both, both[::-1]):
        norm = _norm(answer)
        found = first_fit(_ANSWER, norm[1][0] if norm else answer)
        if not found:
            continue
        read = first_fit(_SOFTMAX, found["weights"])
        if not read or read["x"] is not x:
            continue
        parts = {**found, **read}
        convolutions = [parts[name] for name in ("project_in", "to_memory", "from_memory", "project_out")]
        if not all(map(_is_linear, convolutions[:3])):
            continue
        first, memory, back, last = (one.values["kernel"][0, 0] for one in convolutions)
        if not np.array_equal(memory, back.T):
            return "unknown", (), {"why": "is an attention that reads and writes two memories"}
        values = norm[2] if norm else _folded(convolutions[3])
        kernels = {"memory": memory, "project_in": first[None, None], "project_out": last[None, None]}
        constants = {"alpha": operation.values["alpha"], "epsilon": _epsilon(found["epsilon"])}
        weights = {name: value for name, value in values.items() if name not in ("axes", "epsilon")}
        norms = {"norm": values["axes"], "norm_epsilon": values["epsilon"], **weights}
        return "attention", (x,), {**kernels, **constants, **norms}
    return None


def _folded(convolution: Operation) -> dict[str, Any]:
    """The values of a batch normalisation that is part of the convolution before it; its epsilon is not known."""
    channels, bias = convolution.values["channels"], convolution.values["bias"]
    beta = np.zeros(channels, np.float32) if bias is None else bias
    return {"axes": "batch", "epsilon": None, "gamma": np.ones(channels, np.float32), "beta": beta, "folded": True}


def _is_linear(convolution: Operation) -> bool:
    values = convolution.values
    return values["kernel"].shape[:2] == (1, 1) and values["strides"] == 1 and values["bias"] is None


def _array(operation: Operation) -> np.ndarray:
    """The array of a constant."""
    return operation.values["array"]


def _epsilon(operation: Operation) -> float | None:
    """A constant's number, in the fewest digits that float32 keeps; None where it has several."""
    array = _array(operation)
    return float(str(np.float32(array[0]))) if array.size == 1 else None
