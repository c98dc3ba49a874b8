"""Patterns of operations, and the ways in which an operation fits one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from animegan3_tf.lineage.operations import Operation

_COMMUTE = ("add", "multiply", "squared_difference")


@dataclass(frozen=True)
class Any:
    """Any operation; the same one wherever the name stands again."""

    name: str


@dataclass(frozen=True)
class Number:
    """A constant: one number, or one a channel."""

    name: str


@dataclass(frozen=True)
class Pattern:
    """An operation of a kind, with inputs that fit and the values given; `name` keeps it."""

    kind: str
    inputs: tuple
    values: Mapping[str, object] = field(default_factory=dict)
    name: str = ""


def pattern(kind: str, *inputs: object, name: str = "", **values: object) -> Pattern:
    """A `Pattern`, written short."""
    return Pattern(kind, inputs, values, name)


def fits(wanted: object, operation: Operation, found: dict | None = None) -> Iterator[dict]:
    """Every way in which an operation fits: {name: operation}."""
    found = found or {}
    if isinstance(wanted, Any):
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


def _all_fit(pairs, found):
    if not pairs:
        yield found
        return
    (wanted, operation), *rest = pairs
    for first in fits(wanted, operation, found):
        yield from _all_fit(rest, first)


def first_fit(wanted: object, operation: Operation) -> dict | None:
    """One way in which an operation fits, or None."""
    return next(fits(wanted, operation), None)
