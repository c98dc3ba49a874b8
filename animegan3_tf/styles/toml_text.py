"""A style as the text of a .toml file, every value written out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animegan3_tf.styles.style import Style


def toml_of(style: Style) -> str:
    """Returns the text of a .toml file that `load_style` reads as the same style."""
    lines: list[str] = []
    _table(style.to_dict(), "", lines)
    return "\n".join(lines) + "\n"


def _table(values: dict[str, Any], name: str, lines: list[str]) -> None:
    """Appends the values first, then the tables within: all lines after a table's head belong to it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if name and (plain or not values):
        lines += ["", f"[{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in values.items():
        if isinstance(value, dict):
            _table(value, f"{name}.{key}" if name else key, lines)


def _value(value: Any) -> str:
    """Formats strings, numbers, booleans and lists as JSON, which TOML reads alike."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
