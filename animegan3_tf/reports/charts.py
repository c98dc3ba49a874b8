"""Charts as SVG: lines, and intervals."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeGuard

    Point = tuple[float, float | None]  # (step, value or None)
    Interval = tuple[float, tuple[float, float] | None]  # (step, (low, high) or None)
    Phase = tuple[str, float, float]  # (name, first step, last step)

COLORS = 6  # .s0 to .s5 of the page's style sheet; further series use them again, paler
_WIDTH, _HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 36, 38  # room for axes and labels
_POINTS = 200  # a longer series is drawn as mean and range: the width shows no more points
_MARKED = 30  # up to so many points are also drawn as dots
_MOST = 1e30  # a larger value is as good as infinite: sums and differences of it could overflow
_DECADES = 30.0  # largest over smallest value from which a logarithmic axis is used


def line_chart(
    title: str,
    unit: str,
    series: Mapping[str, Sequence[Point]],
    phases: Sequence[Phase] = (),
    references: Mapping[str, float | None] | None = None,
    zero: bool = False,
    across: str = "step",
    last: bool = True,
    intervals: Mapping[str, Sequence[Interval]] | None = None,
) -> str:
    """Draws a line chart.

    The value axis is logarithmic, and says so, where all values are above 0 and span a factor of 30
    (intervals must be above 0 too).

    Args:
        title: The figure's caption, plain text.
        unit: The unit of the values; it stands under the title.
        series: {name: [(step, value)]}, steps ascending. A value of None breaks the line.
        phases: (name, first step, last step), at most two. The first is shaded where there are two.
        references: {name: value} of dashed horizontal lines.
        zero: Whether the value axis must include 0.
        across: The name of the horizontal axis.
        last: Whether the legend gives each series' last value.
        intervals: {name: [(step, (low, high))]} for some of the series, drawn as bands behind their lines. None
            breaks the band.

    Returns:
        A `<figure>`, or "" where no series has a value.
    """
    series = {name: points for name, points in series.items() if any(_drawable(v) for _, v in points)}
    if not series:
        return ""
    levels = {name: value for name, value in (references or {}).items() if _drawable(value)}
    bands = {name: _drawable_ends((intervals or {}).get(name, ())) for name in series}
    values = [v for points in series.values() for _, v in points if _drawable(v)] + list(levels.values())
    ends = [end for stretches in bands.values() for run in stretches for _, *pair in run for end in pair]
    spread = min(values) > 1.0 / _MOST and max(values) / min(values) >= _DECADES
    values += ends
    logarithmic = spread and not zero and min(values) > 1.0 / _MOST
    steps = [step for points in series.values() for step, _ in points]
    x = _Axis(*_padded(min(0, *steps), max(steps), 0.0), (_LEFT, _WIDTH - _RIGHT))
    low, high = (math.log10(min(values)), math.log10(max(values))) if logarithmic else (min(values), max(values))
    low, high = (min(low, 0.0), max(high, 0.0)) if zero else (low, high)
    y = _Axis(*_padded(low, high, 0.06), (_HEIGHT - _BOTTOM, _TOP), logarithmic)
    body = [*_phases(phases, x), *_grid(x, y, across), *_references(levels, y)]
    legend = []
    for number, (name, points) in enumerate(series.items()):
        style = f"s{number % COLORS}" + (" pale" if number >= COLORS else "")
        body += [*_intervals(bands[name], x, y, style), *_series(points, x, y, style)]
        value = next(v for _, v in reversed(points) if _drawable(v))
        latest = f" <b>{number_text(value)}</b>" if last else ""
        swatch = f'<svg class="swatch" viewBox="0 0 18 8" aria-hidden="true"><path class="{style}" d="M0 4H18"/></svg>'
        legend.append(f"<li>{swatch}{escape(name)}{latest}</li>")
    unit = f"{unit}, logarithmic" if logarithmic else unit
    names = ", ".join(series)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption><ul class='legend'>{''.join(legend)}</ul>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(f"{title} over {across}: {names}")}">'
        f'{"".join(body)}<text class="axis" x="2" y="12">{escape(unit)}</text></svg></figure>'
    )


def number_text(value: float) -> str:
    """Writes a value with three significant digits, or as a whole number from 1,000 on."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


class _Axis:
    """Maps values to pixels.

    Args:
        low: The value at the start of the axis; its exponent of ten where the axis is logarithmic.
        high: The value at the end, in the same form.
        pixels: Where the axis starts and ends in the drawing.
        logarithmic: Whether equal distances are equal factors.
    """

    def __init__(self, low: float, high: float, pixels: tuple[int, int], logarithmic: bool = False) -> None:
        self.low, self.high, self.logarithmic = low, high, logarithmic
        self._start, self._length = pixels[0], pixels[1] - pixels[0]

    def __call__(self, value: float) -> float:
        place = math.log10(value) if self.logarithmic else value
        return round(self._start + self._length * (place - self.low) / (self.high - self.low), 1)

    def ticks(self) -> list[float]:
        """A few round values along the axis."""
        if not self.logarithmic:
            return ticks(self.low, self.high)
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        every = math.ceil(len(decades) / 6)
        values = [10.0**d for d in decades if d % every == 0]
        if len(decades) <= 3:
            values = [m * 10.0**d for d in decades for m in (1, 2, 5)]
        return [v for v in values if self.low <= math.log10(v) <= self.high]


def ticks(low: float, high: float) -> list[float]:
    """Two to six multiples of 1, 2 or 5 times a power of ten between two values, `low` < `high`."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    return [k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _padded(low: float, high: float, share: float) -> tuple[float, float]:
    size = max(abs(low), abs(high))
    if high - low <= max(1e-9 * size, 1.0 / _MOST):  # too close to tell apart in pixels
        room = 0.1 * size if size > 1.0 / _MOST else 1.0
    else:
        room = (high - low) * share
    return low - room, high + room


def _grid(x: _Axis, y: _Axis, across: str) -> Iterator[str]:
    bottom = _HEIGHT - _BOTTOM
    for value in y.ticks():
        yield f'<path class="rule" d="M{_LEFT} {y(value)}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="axis" text-anchor="end" x="{_LEFT - 5}" y="{y(value) + 4}">{value:.4g}</text>'
    for value in x.ticks():
        label = f"{value / 1000:g}k" if abs(value) >= 10000 else f"{value:.4g}"
        yield f'<text class="axis" text-anchor="middle" x="{x(value)}" y="{bottom + 16}">{label}</text>'
    yield f'<path class="base" d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}"/>'
    yield f'<text class="axis" text-anchor="end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 4}">{escape(across)}</text>'


def _phases(phases: Sequence[Phase], x: _Axis) -> Iterator[str]:
    """Writes the names above the plot: the first at its left end, the second at its right end, so that both fit."""
    for number, (name, first, last) in enumerate(phases):
        left, right = (x(min(max(step, x.low), x.high)) for step in (first, last))
        if right <= left:
            continue
        if number == 0 and len(phases) > 1:
            size = f'width="{right - left:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}"'
            yield f'<rect class="phase" x="{left}" y="{_TOP}" {size}/>'
        place = f'x="{left}"' if number == 0 else f'text-anchor="end" x="{right}"'
        yield f'<text class="axis" {place} y="{_TOP - 6}">{escape(name)}</text>'


def _references(levels: Mapping[str, float], y: _Axis) -> Iterator[str]:
    for name, value in levels.items():
        yield f'<path class="level" d="M{_LEFT} {y(value)}H{_WIDTH - _RIGHT}"/>'
        beside = y(value) + (13 if y(value) < _TOP + 13 else -4)  # below the line where there is no room above it
        yield f'<text class="axis" text-anchor="end" x="{_WIDTH - _RIGHT}" y="{beside:.1f}">{escape(name)}</text>'


def _series(points: Sequence[Point], x: _Axis, y: _Axis, style: str) -> Iterator[str]:
    """Draws the line: as mean and range of neighbours where points are many, with dots where they are few."""
    size = math.ceil(len(points) / _POINTS)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    for run in _runs(groups):
        line = " ".join(f"{x(step)},{y(mean)}" for step, mean, _, _ in run)
        if size > 1:
            upper = [f"{x(step)},{y(high)}" for step, _, _, high in run]
            lower = [f"{x(step)},{y(low)}" for step, _, low, _ in reversed(run)]
            yield f'<polygon class="{style} band" points="{" ".join(upper + lower)}"/>'
        yield f'<polyline class="{style}" points="{line}"/>'
        if len(run) == 1 or len(points) <= _MARKED:
            yield "".join(f'<circle class="{style}" cx="{x(s)}" cy="{y(m)}" r="2.4"/>' for s, m, _, _ in run)


def _intervals(
    stretches: Sequence[Sequence[tuple[float, float, float]]], x: _Axis, y: _Axis, style: str
) -> Iterator[str]:
    """Draws a band over consecutive steps and a whisker at a step that stands alone."""
    for run in stretches:
        if len(run) == 1:
            ((step, low, high),) = run
            yield f'<g class="{style} whisker"><path d="M{x(step)} {y(low)}V{y(high)}"/></g>'
        else:
            ends = [f"{x(s)},{y(high)}" for s, _, high in run] + [f"{x(s)},{y(low)}" for s, low, _ in reversed(run)]
            yield f'<polygon class="{style} band" points="{" ".join(ends)}"/>'


def _drawable_ends(points: Iterable[Interval]) -> list[list[tuple[float, float, float]]]:
    """Unbroken stretches of (step, low, high)."""
    stretches: list[list[tuple[float, float, float]]] = [[]]
    for step, ends in points:
        if ends is not None and all(map(_drawable, ends)):
            stretches[-1].append((step, *ends))
        elif stretches[-1]:
            stretches.append([])
    return [run for run in stretches if run]


def _runs(groups: Iterable[Sequence[Point]]) -> Iterator[list[tuple[float, float, float, float]]]:
    """Unbroken stretches of (step, mean, least, greatest)."""
    run: list[tuple[float, float, float, float]] = []
    for group in groups:
        values = [v for _, v in group if _drawable(v)]
        if values:
            run.append((group[len(group) // 2][0], sum(values) / len(values), min(values), max(values)))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _drawable(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _MOST


_ROW, _INTERVAL_TOP, _INTERVAL_BOTTOM = 34, 8, 40
_NAME = 16  # characters of a name beside its line; the whole name is in its tooltip
_INTERVAL_LEFT = 132  # room for names


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
    bottom = _INTERVAL_TOP + _ROW * len(rows)

    right = _WIDTH - _RIGHT
    x = _Axis(least, most, (_INTERVAL_LEFT, right))
    parts = []
    for value in ticks(least, most):
        value = round(value, 12) + 0.0  # no -0
        parts.append(f'<path class="rule" d="M{x(value)} {_INTERVAL_TOP}V{bottom}"/>')
        parts.append(f'<text class="axis" text-anchor="middle" x="{x(value)}" y="{bottom + 16}">{value:.4g}</text>')
    if reference is not None:
        parts.append(f'<path class="level" d="M{x(reference)} {_INTERVAL_TOP}V{bottom}"/>')
    for number, (name, value, low, high) in enumerate(rows):
        y, style = _INTERVAL_TOP + _ROW * (number + 0.5), f"s{number % COLORS}"
        short = name if len(name) <= _NAME else name[: _NAME - 1] + "…"
        parts.append(
            f'<text class="axis" text-anchor="end" x="{_INTERVAL_LEFT - 8}" y="{y + 4}">{escape(short)}</text>'
        )
        # solid whatever the colour: a dashed whisker would look shorter than it is
        whisker = f"M{x(low)} {y}H{x(high)}M{x(low)} {y - 5}v10M{x(high)} {y - 5}v10"
        tooltip = f"<title>{escape(name)}: {value:.3f} [{low:.3f}, {high:.3f}]</title>"
        circle = f'<circle cx="{x(value)}" cy="{y}" r="5"/>'
        parts.append(f'<g class="{style} whisker">{tooltip}<path d="{whisker}"/>{circle}</g>')
    parts.append(f'<text class="axis" text-anchor="end" x="{right}" y="{bottom + 33}">{escape(across)}</text>')
    names = ", ".join(name for name, *_ in rows)
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {bottom + _INTERVAL_BOTTOM}" role="img" '
        f'aria-label="{escape(f"{title}: {names}")}">'
        f"{''.join(parts)}</svg></figure>"
    )
