"""Tables as Markdown, CSV, LaTeX, HTML and text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import rich.table
from rich.console import Console
from rich.text import Text

from animegan3_tf.comparison.compare import Comparison, Entry
from animegan3_tf.comparison.inputs import by_pixels, size_text
from animegan3_tf.evaluation.evaluate import Evaluation
from animegan3_tf.evaluation.result import Result
from animegan3_tf.reports.html import text

_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\~{}", "^": r"\^{}"}
_TEX_ARROWS = {"lower": r"$\downarrow$", "higher": r"$\uparrow$", "": ""}


def evaluation_latex(evaluation: Evaluation) -> str:
    """Writes a `tabular` of metric, value, 95 % interval and sample count, with the feature network as a comment."""
    rows = []
    for result in evaluation.results:
        value = "--" if result.value is None else number(result.value)
        interval = "--" if result.interval is None else "[{}, {}]".format(*map(number, result.interval))
        name = f"{latex_text(result.name)} {_TEX_ARROWS[result.better]}".strip()
        rows.append(f"{name} & {value} & {interval} & {latex_text(result.count)} \\\\")
    network = evaluation.measures.features
    features = network.to_dict() if network else {}
    return "\n".join(
        [
            "% features: " + ", ".join(f"{key} {value}" for key, value in features.items()),
            r"\begin{tabular}{lrrl}",
            r"metric & value & 95\,\% interval & pictures \\ \hline",
            *rows,
            r"\end{tabular}",
            "",
        ]
    )


def number(value: float) -> str:
    """Writes a value with four significant digits, never with an exponent."""
    text = f"{value:.4g}"
    return f"{value:.6f}" if "e-" in text else f"{value:.0f}" if "e+" in text else text


def latex_text(text: str) -> str:
    """Escapes LaTeX's special characters."""
    return "".join(_SPECIAL.get(c, c) for c in text)


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


_ARROWS = {"lower": "↓", "higher": "↑", "": ""}
_IN_CELLS = "\\|<*_`"  # not "[": it holds intervals, and without a parenthesis after it makes no link
_LATEX_ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "": ""}


def markdown_table(table: Table) -> str:
    """Writes a table; an arrow in a heading shows which way is better."""
    heads = ["method", *(f"{column.heading} {_ARROWS[column.better]}".strip() for column in table.columns)]
    lines = [heads, ["---", *("---:" for _ in table.columns)]]
    lines += [[name, *(cell.text for cell in cells)] for name, cells in table.rows]
    return "".join(f"| {' | '.join(markdown_text(words, _IN_CELLS) for words in line)} |\n" for line in lines)


def markdown_text(words: str, special: str = "\\|<*_`[") -> str:
    """Escapes the characters that have a meaning in Markdown."""
    return "".join(f"\\{c}" if c in special else c for c in words)


def csv_table(*tables: Table) -> str:
    """Joins tables of the same methods into one CSV table.

    Each column goes under its key; a column with ranges also has KEY_low and KEY_high.
    """
    rows: dict[str, dict[str, str | float | None]] = {}
    for table in tables:
        for name, cells in table.rows:
            row = rows.setdefault(name, {"method": name})
            for column, cell in zip(table.columns, cells):
                worded = cell.value is None and cell.text != NOTHING
                row[column.key] = cell.text if worded else cell.value
                if _has_range(table, column):
                    row |= {f"{column.key}_low": cell.low, f"{column.key}_high": cell.high}
    return csv_text(list(rows.values()))


def csv_text(rows: list[dict]) -> str:
    """Writes rows under the keys of the first row; None becomes an empty cell."""
    file = io.StringIO()
    if rows:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return file.getvalue()


def latex_table(table: Table) -> str:
    """Writes a `tabular`, which needs no package; the columns' full names stand before it as comments."""
    comments = [f"% {column.heading}: {column.name}" for column in table.columns]
    heads = [f"{latex_text(column.heading)}{_LATEX_ARROWS[column.better]}" for column in table.columns]
    lines = [
        *comments,
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\hline",
        rf"{' & '.join(['Method', *heads])} \\",
    ]
    lines.append(r"\hline")
    for name, cells in table.rows:
        words = ("--" if cell.text == NOTHING else latex_text(cell.text) for cell in cells)
        lines.append(rf"{' & '.join([latex_text(name), *words])} \\")
    # not every font encoding has the multiplication sign
    return "\n".join([*lines, r"\hline", r"\end{tabular}", ""]).replace("×", r"$\times$")


def print_table(table: Table, console: Console) -> None:
    """Prints a table with methods as columns and without ranges, which would not fit on a line."""
    shown = rich.table.Table(show_edge=False)
    shown.add_column("")
    for name, _ in table.rows:
        shown.add_column(Text(name), justify="right")
    for place, column in enumerate(table.columns):
        heading = f"{column.heading} {_ARROWS[column.better]}".strip()
        shown.add_row(Text(heading), *(Text(cells[place].text.partition(" [")[0]) for _, cells in table.rows))
    console.print(shown)


def html_table(table: Table, name: str, first: str = "method") -> str:
    """Writes a table that the page's script can sort.

    Args:
        table: The table.
        name: A label for screen readers.
        first: The heading of the first column.
    """
    heads = [(first, "", ""), *((column.heading, column.name, column.better) for column in table.columns)]
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button" title="{text(_hint(full, better))}">'
        f"{text(heading)} {_ARROWS[better]}</button></th>"
        for heading, full, better in heads
    )
    body = []
    for method, cells in table.rows:
        words = "".join(_html_cell(cell) for cell in cells)
        body.append(f'<tr><th scope="row">{text(method)}</th>{words}</tr>')
    return (
        f'<div class="wide"><table class="sortable" aria-label="{text(name)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _html_cell(cell: Cell) -> str:
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    main, bracket, spread = cell.text.partition(" [")
    spread = f" <small>[{text(spread)}</small>" if bracket else ""
    return f"<td{value}>{text(main)}{spread}</td>"


def _hint(name: str, better: str) -> str:
    return "; ".join(filter(None, (name, better and f"{better} is better")))


def _has_range(table: Table, column: Column) -> bool:
    place = table.columns.index(column)
    return any(cells[place].low is not None for _, cells in table.rows)
