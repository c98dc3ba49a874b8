"""Dataclasses from the nested tables of a TOML or JSON file, strictly."""

from __future__ import annotations

import dataclasses
from typing import Any, Union, get_args, get_origin, get_type_hints

from animegan3_tf.errors import UserError


def build(kind: Any, value: Any, source: str, key: str = "") -> Any:
    """Makes a dataclass from nested tables.

    Args:
        kind: The dataclass, or the type of one of its fields: a scalar, list[...], dict[str, ...], or a Union of
            dataclasses, of which the one with more of the value's keys is taken.
        value: The table, list or scalar that the file holds.
        source: The file, for errors.
        key: The value's dotted key in the file; "" for the whole file.

    Returns:
        `value` as `kind`.

    Raises:
        UserError: A key is unknown or missing, or a value has the wrong type.
    """
    where = f"{source}: {key}" if key else source
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise UserError(f"{where} is {value!r}; it must be a table")
        hints = get_type_hints(kind)
        unknown = sorted(value.keys() - hints.keys())
        if unknown:
            raise UserError(f"{where}: unknown key {', '.join(unknown)}; known are {', '.join(sorted(hints))}")
        required = {field.name for field in dataclasses.fields(kind) if _is_required(field)}
        missing = sorted(required - value.keys())
        if missing:
            raise UserError(f"{where}: missing key {', '.join(missing)}")
        prefix = f"{key}." if key else ""
        return kind(**{name: build(hints[name], item, source, prefix + name) for name, item in value.items()})
    if get_origin(kind) is Union:  # tables that differ in their keys
        given = set(value) if isinstance(value, dict) else set()
        kind = max(get_args(kind), key=lambda each: len(given & get_type_hints(each).keys()))
        return build(kind, value, source, key)
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise UserError(f"{where} is {value!r}; it must be a table")
        return {name: build(get_args(kind)[1], item, source, f"{key}.{name}") for name, item in value.items()}
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise UserError(f"{where} is {value!r}; it must be a list")
        return [build(get_args(kind)[0], item, source, key) for item in value]
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where} is {value!r}; it must be of type {kind.__name__}")
    return value


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
