"""Values with their intervals as inline SVG, a row for each name, so that one sees which intervals overlap."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from animegan3_tf.pages.charts import COLORS, ticks

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH, _ROW, _TOP, _BOTTOM, _RIGHT = 420, 34, 8, 40, 12
_NAME = 16  # characters of a name beside its line; the whole name is in its tooltip
_LEFT = 132  # room for names


def interval_chart(
    title: str, across: str, rows: Sequence[tuple[str, float, float, float]], reference: float | None = None
) -> str:
    """Draws a chart of values and their intervals.

    Args:
        title: The figure's caption, plain text.
        across: The name of the horizontal axis.
        rows: (name, value, low, high) from top to bottom, with low <= value <= high, all finite.
        reference: A value to compare with, drawn as a dashed line.

    Returns:
        A `<figure>`, or "" without rows.
    """
    if not rows:
        return ""
    ends = [end for _, _, low, high in rows for end in (low, high)] + ([] if reference is None else [reference])
    room = 0.05 * (max(ends) - min(ends)) or 0.1
    least, most = min(ends) - room, max(ends) + room
    bottom = _TOP + _ROW * len(rows)

    def x(value: float) -> float:
        return round(_LEFT + (_WIDTH - _RIGHT - _LEFT) * (value - least) / (most - least), 1)

    parts = []
    for value in ticks(least, most):
        value = round(value, 12) + 0.0  # no -0
        parts.append(f'<path class="rule" d="M{x(value)} {_TOP}V{bottom}"/>')
        parts.append(f'<text class="axis" text-anchor="middle" x="{x(value)}" y="{bottom + 16}">{value:.4g}</text>')
    if reference is not None:
        parts.append(f'<path class="level" d="M{x(reference)} {_TOP}V{bottom}"/>')
    for number, (name, value, low, high) in enumerate(rows):
        y, style = _TOP + _ROW * (number + 0.5), f"s{number % COLORS}"
        short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        parts.append(f'<text class="axis" text-anchor="end" x="{_LEFT - 8}" y="{y + 4}">{escape(short)}</text>')
        # solid whatever the colour: a dashed whisker would look shorter than it is
        whisker = f"M{x(low)} {y}H{x(high)}M{x(low)} {y - 5}v10M{x(high)} {y - 5}v10"
        tooltip = f"<title>{escape(name)}: {value:.3f} [{low:.3f}, {high:.3f}]</title>"
        circle = f'<circle cx="{x(value)}" cy="{y}" r="5"/>'
        parts.append(f'<g class="{style} whisker">{tooltip}<path d="{whisker}"/>{circle}</g>')
    parts.append(
        f'<text class="axis" text-anchor="end" x="{_WIDTH - _RIGHT}" y="{bottom + 33}">{escape(across)}</text>'
    )
    names = ", ".join(name for name, *_ in rows)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {bottom + _BOTTOM}" role="img" aria-label="{escape(f"{title}: {names}")}">'
        f"{''.join(parts)}</svg></figure>"
    )
