"""A style as the text of a .toml file, every value written out."""

from __future__ import annotations

import json


def toml_of(style) -> str:
    """What `load_style` reads as the same style; `style` is a `Style`."""
    lines = []
    _table(style.to_dict(), "", lines)
    return "\n".join(lines) + "\n"


def _table(values, name, lines):
    """Values first, then the tables within: what follows a table's head belongs to it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if name and (plain or not values):
        lines += ["", f"[{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            _table(value, f"{name}.{key}" if name else key, lines)


def _value(value):
    """JSON writes strings, numbers, booleans and lists as TOML reads them."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
