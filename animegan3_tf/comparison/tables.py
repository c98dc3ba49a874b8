"""The two tables of a comparison, with one row for each method: the methods' cost, and their images' scores.

The page, Markdown, CSV and LaTeX are made from these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from animegan3_tf.comparison.compare import Comparison, Entry
from animegan3_tf.comparison.image_size import by_pixels, size_text
from animegan3_tf.evaluation.latex import number
from animegan3_tf.evaluation.result import Result

NOTHING = "-"
_SHORT = {  # headings; the full names stand below the table
    "frechet_anime": "Frechet, anime",
    "frechet_infinity_anime": "Frechet at infinity, anime",
    "kernel_anime": "kernel, anime",
    "frechet_photos": "Frechet, photos",
    "frechet_infinity_photos": "Frechet at infinity, photos",
    "kernel_photos": "kernel, photos",
    "artfid": "ArtFID's form",
    "content_distance": "content",
    "ms_ssim": "MS-SSIM",
    "ciede2000": "CIEDE2000",
    "yuv": "YUV",
    "edge_retention": "edges kept",
    "flatness": "flat",
    "photo_flatness": "flat, photos",
    "anime_likeness": "anime-likeness",
    "face_detected": "face found",
    "identity": "identity",
    "above_strangers": "above strangers",
    "eyes_drawn": "eyes drawn",
    "photo_eyes_drawn": "eyes drawn, photos",
    "skin_shift": "skin shift",
    "between_persons": "between persons",
}


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: The column's name in CSV.
        heading: A short name.
        name: The full name.
        better: "lower", "higher", or "" where neither is better.
    """

    key: str
    heading: str
    name: str
    better: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: The text to show.
        value: The number behind it, if any.
        low: The lower end of its interval or range, if any.
        high: The upper end.
    """

    text: str = NOTHING
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """A table; each row is a method's name and one cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def cost_table(comparison: Comparison) -> Table:
    """Tabulates kind, parameters, size on disk, operations, time at each size with its ratio, and memory."""
    sizes = by_pixels(comparison.settings.sizes)
    columns = [
        Column("kind", "kind", "kind of method"),
        Column("parameters", "parameters", "trainable parameters of the generator"),
        Column("bytes", "MB", "size of its files on disk, in 10^6 bytes"),
        Column("gflop_256", "GFLOP at 256", "10^9 operations for a 256x256 picture, two to a multiply-add"),
    ]
    for size in sizes:
        text, first = size_text(size), _reference(comparison, size)
        columns += [
            Column(f"ms_{text}", f"ms at {text}", f"milliseconds a {text} picture: median [least, greatest]"),
            Column(
                f"ratio_{text}",
                f"× {first} at {text}",
                f"time at {text} over that of {first} in the same round: median [least, greatest]",
            ),
        ]
    if sizes:
        name = (
            "peak memory (MiB) of a process that holds TensorFlow, the model and one picture of up to "
            f"{size_text(sizes[-1])}, or of the largest size that the method takes"
        )
        columns.append(Column("peak_memory", "MiB", name))
    rows = tuple((entry.method.name, tuple(_cost_cells(entry, sizes))) for entry in comparison.entries)
    return Table(tuple(columns), rows)


def score_table(comparison: Comparison) -> Table:
    """Tabulates the number of images, then every result that at least one method has."""
    columns = [Column("pictures", "pictures", "photos of which there is a picture")]
    found: dict[str, Result] = {}
    for entry in comparison.entries:
        for result in entry.measured.results:
            found.setdefault(result.key, result)
    keys = [key for key in found if any(_result(entry, key) for entry in comparison.entries)]
    for key in keys:
        columns.append(Column(key, _SHORT.get(key, key.replace("_", " ")), found[key].name, found[key].better))
    rows = []
    for entry in comparison.entries:
        count = len(entry.drawn.paths)
        cells = [Cell(f"{count:,}", count)]
        rows.append((entry.method.name, (*cells, *(_result_cell(_result(entry, key)) for key in keys))))
    return Table(tuple(columns), tuple(rows))


def not_measured(comparison: Comparison) -> list[str]:
    """Lines that say which results are missing and why: those that no method has, and those that some lack."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for entry in comparison.entries:
        for result in entry.measured.results:
            if result.value is None:
                lacking.setdefault((result.name, result.note), []).append(entry.method.name)
    everyone = len(comparison.entries)
    lines = [
        f"{name}: {note}" if len(methods) == everyone else f"{name} of {', '.join(methods)}: {note}"
        for (name, note), methods in lacking.items()
    ]
    if comparison.metrics.get("features", True) is None:
        lines.append("distances between sets, such as FID: not measured: --features names no network")
    return lines


def _reference(comparison: Comparison, size: tuple[int, int]) -> str:
    return next((entry.speeds[size].reference for entry in comparison.entries if size in entry.speeds), NOTHING)


def _cost_cells(entry: Entry, sizes: Sequence[tuple[int, int]]) -> Iterator[Cell]:
    method = entry.method
    yield Cell(method.kind)
    yield Cell() if method.parameters is None else Cell(f"{method.parameters:,}", method.parameters)
    yield Cell() if method.bytes is None else Cell(f"{method.bytes / 1e6:.2f}", method.bytes)
    yield Cell() if method.gflop is None else Cell(f"{method.gflop:.1f}", method.gflop)
    for size in sizes:
        speed = entry.speeds.get(size)
        if speed is None:
            yield from (Cell(), Cell())
            continue
        timing = speed.timing.to_dict()
        yield _ranged(timing["ms"], timing["ms_low"], timing["ms_high"])
        is_first = speed.reference == method.name
        yield Cell("1", 1.0) if is_first else _ranged(*speed.ratio)
    if sizes:
        peak = max(entry.memory.peaks.values(), default=None) if entry.memory else None
        yield Cell() if peak is None else Cell(f"{peak / 2**20:,.0f}", peak)


def _ranged(value: float, low: float, high: float) -> Cell:
    return Cell(f"{number(value)} [{number(low)}, {number(high)}]", value, low, high)


def _result(entry: Entry, key: str) -> Result | None:
    """The result of a metric; None also where it has no value."""
    return next((r for r in entry.measured.results if r.key == key and r.value is not None), None)


def _result_cell(result: Result | None) -> Cell:
    if result is None or result.value is None:
        return Cell()
    if result.interval is None:
        return Cell(number(result.value), result.value)
    return _ranged(result.value, *result.interval)
