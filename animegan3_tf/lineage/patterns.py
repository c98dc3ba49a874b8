"""Patterns of operations, and the ways in which an operation fits one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from animegan3_tf.lineage.operations import Operation

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
