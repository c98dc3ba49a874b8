"""A table, and its writers: CSV, Markdown, LaTeX, HTML and the console."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

import rich.table
from rich import box
from rich.console import Console
from rich.text import Text

from animegan3_tf.common.console import number
from animegan3_tf.common.errors import printable
from animegan3_tf.reports.html import part

INTERVAL = "95 % interval"
_ARROWS = {"lower": " ↓", "higher": " ↑", "": ""}

Plain = Union[str, float, None]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: The column's name in CSV.
        heading: A short name.
        name: The full name; "" where the heading says it all.
        better: "lower", "higher", or "" where neither is better.
    """

    key: str
    heading: str
    name: str = ""
    better: str = ""

    @property
    def head(self) -> str:
        """The heading, with an arrow that shows which way is better."""
        return arrowed(self.heading, self.better)

    @property
    def meaning(self) -> str:
        """The full name, and which way is better in words."""
        return ", ".join(filter(None, (self.name, self.better and f"{self.better} is better")))


@dataclass(frozen=True)
class Cell:
    """A cell; see `cell`.

    Attributes:
        text: The text to show; None where there is nothing.
        value: The number behind it, if any.
        low: The lower end of its interval or range, if any.
        high: The upper end.
        hint: More about it, which pages show as a tooltip.
    """

    text: str | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    hint: str = ""

    @property
    def ends(self) -> str:
        """The interval or range as text; "" where there is none."""
        return "" if self.low is None or self.high is None else f"[{number(self.low)}, {number(self.high)}]"

    def whole(self, nothing: str = "-") -> str:
        """The text and the interval, or `nothing` in an empty cell."""
        return nothing if self.text is None else f"{self.text} {self.ends}" if self.ends else self.text


def cell(value: Plain, ends: Sequence[float] | None = None, hint: str = "") -> Cell:
    """Makes a cell.

    Args:
        value: A text, a number, or None.
        ends: The interval or range (low, high) of a number.
        hint: See `Cell`.

    Returns:
        The cell; an empty one for None and for numbers that are not finite.
    """
    if isinstance(value, str):
        return Cell(value, hint=hint)
    if value is None or not math.isfinite(value):
        return Cell()
    low, high = ends or (None, None)
    return Cell(number(value), value, low, high, hint)


def arrowed(name: str, better: str) -> str:
    """Adds an arrow to a name: which way is better, "lower", "higher" or ""."""
    return name + _ARROWS[better]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: The columns; the first holds the rows' names.
        rows: A cell for each column.
        notes: Lines that belong to the table, for formats that have comments.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, columns: Iterable[Column | str], rows: Iterable[Iterable[Cell | Plain]], notes: Iterable[str] = ()
    ) -> Table:
        """Makes a table of plain values, each of which becomes a `cell`, and of columns, for which a key will do."""
        made = (c if isinstance(c, Column) else Column(c, c.replace("_", " ")) for c in columns)
        cells = (tuple(one if isinstance(one, Cell) else cell(one) for one in row) for row in rows)
        return cls(tuple(made), tuple(cells), tuple(notes))

    @classmethod
    def of_records(cls, records: Sequence[Mapping[str, Plain]]) -> Table:
        """Makes a table of mappings with the same keys, which become its columns."""
        return cls.of(records[0] if records else (), (record.values() for record in records))

    def is_numeric(self, place: int) -> bool:
        """Whether a column holds numbers."""
        return any(row[place].value is not None for row in self.rows)

    def without(self, *keys: str) -> Table:
        """Leaves out columns."""
        return self._only([place for place, column in enumerate(self.columns) if column.key not in keys])

    def without_empty(self) -> Table:
        """Leaves out the columns in which every cell is empty."""
        places = range(len(self.columns))
        return self._only([place for place in places if any(row[place].text is not None for row in self.rows)])

    def _only(self, places: Sequence[int]) -> Table:
        rows = (tuple(row[place] for place in places) for row in self.rows)
        return Table(tuple(self.columns[place] for place in places), tuple(rows), self.notes)

    def joined(self, other: Table) -> Table:
        """Adds the columns of a table with the same rows, but for its first."""
        rows = (mine + theirs[1:] for mine, theirs in zip(self.rows, other.rows))
        return Table(self.columns + other.columns[1:], tuple(rows), self.notes + other.notes)

    def transposed(self) -> Table:
        """Swaps rows and columns."""
        columns = [Column("", ""), *(Column(row[0].whole(), row[0].whole()) for row in self.rows)]
        rows = ([cell(c.head), *(row[place] for row in self.rows)] for place, c in enumerate(self.columns) if place)
        return Table.of(columns, rows, self.notes)


def csv_table(table: Table) -> str:
    """Writes a table as CSV.

    Each column goes under its key; one with intervals is followed by KEY_low and KEY_high. Numbers are whole. A text
    that a spreadsheet would run as a formula follows an apostrophe; control characters are escaped.
    """
    ranged = [any(row[place].low is not None for row in table.rows) for place in range(len(table.columns))]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    keys: list[str] = []
    for column, both in zip(table.columns, ranged):
        key = _csv_text(column.key)
        keys += [key, f"{key}_low", f"{key}_high"] if both else [key]
    if keys:
        writer.writerow(keys)
    for row in table.rows:
        words: list[Plain] = []
        for one, both in zip(row, ranged):
            words.append(_csv_text(one.text or "") if one.value is None else one.value)
            words += [one.low, one.high] if both else []
        writer.writerow(words)
    return file.getvalue()


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORMULA = re.compile(r" *[=+\-@＝＋－＠]")
_PLAIN = re.compile(r" *[+-]?([0-9]+([.,][0-9]+)*(e[+-]?[0-9]+)?( ?%)?)?", re.IGNORECASE)  # a number, or a lone sign


def _csv_text(text: str) -> str:
    parts = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text).split(";")  # some spreadsheets split at these, too
    return ";".join(f"'{part}" if _FORMULA.match(part) and not _PLAIN.fullmatch(part) else part for part in parts)


_IN_CELLS = "\\|<*_`"  # not "[": it holds intervals, and without a parenthesis after it makes no link


def markdown_table(table: Table) -> str:
    """Writes a table as Markdown."""
    lines = [[markdown_text(column.head, _IN_CELLS) for column in table.columns]]
    lines.append(["---:" if table.is_numeric(place) else "---" for place in range(len(table.columns))])
    lines += [[markdown_text(one.whole(), _IN_CELLS) for one in row] for row in table.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def markdown_text(words: str, special: str = "\\|<*_`[") -> str:
    """Escapes the characters that have a meaning in Markdown."""
    return "".join(f"\\{c}" if c in special else c for c in words)


_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "×": r"$\times$",
}


def latex_table(table: Table) -> str:
    """Writes a table as a LaTeX `tabular`, which needs no package; comments before it hold notes and full names."""
    comments = [*table.notes, *(f"{column.heading}: {column.meaning}" for column in table.columns if column.meaning)]
    places = "".join("r" if table.is_numeric(place) else "l" for place in range(len(table.columns)))
    lines = [" & ".join(latex_text(column.head) for column in table.columns)]
    lines += [" & ".join(map(_latex_cell, row)) for row in table.rows]
    head, *body = (rf"{line} \\" for line in lines)
    rule = r"\hline"
    whole = [rf"\begin{{tabular}}{{{places}}}", rule, head, rule, *body, rule, r"\end{tabular}"]
    return "\n".join([*(f"% {' '.join(line.split())}" for line in comments), *whole, ""])


def latex_text(text: str) -> str:
    """Escapes the characters that have a meaning in LaTeX, or that its older fonts lack."""
    return "".join(_LATEX.get(c, c) for c in text)


def _latex_cell(one: Cell) -> str:
    text = latex_text(one.whole("--"))
    return text if one.value is None else re.sub(r"(?<![\w.])-(?=\d)", "$-$", text)  # a minus sign, not a hyphen


def html_table(table: Table, label: str = "", sortable: bool = False) -> str:
    """Writes a table as HTML.

    Args:
        table: The table.
        label: A name for screen readers.
        sortable: Whether the page has a script that sorts by a click on a heading.
    """
    return part("table")(table, label, sortable)


def print_table(
    table: Table, console: Console, title: str = "", ends: bool = True, unbroken: Collection[str] = ()
) -> None:
    """Prints a table.

    Args:
        table: The table.
        console: Where to print.
        title: A line above it.
        ends: Whether to print the ends of intervals, which make columns wide.
        unbroken: Keys of the columns that keep each cell on one line however narrow the console.
    """
    shown = rich.table.Table(title=Text(title) if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    shown.show_edge, shown.pad_edge, shown.collapse_padding = False, False, True
    for place, column in enumerate(table.columns):
        head, whole = Text(printable(column.head).replace(", ", ",\n")), column.key in unbroken
        shown.add_column(head, justify="right" if table.is_numeric(place) else "left", overflow="fold", no_wrap=whole)
    for row in table.rows:
        shown.add_row(*(Text(printable((one if ends else Cell(one.text)).whole())) for one in row))
    console.print(shown)


@dataclass(frozen=True)
class Writer:
    """A format of files: the ending of their names, and a function that writes a table."""

    suffix: str
    write: Callable[[Table], str]


WRITERS = {
    "csv": Writer(".csv", csv_table),
    "markdown": Writer(".md", markdown_table),
    "latex": Writer(".tex", latex_table),
    "html": Writer(".html", html_table),
}
_OWN = tuple(WRITERS)


def register_writer(name: str, suffix: str, write: Callable[[Table], str]) -> None:
    """Adds a format: from now on, every report writes its tables in it too.

    Args:
        name: The format's name.
        suffix: The ending of its files' names, such as ".rst".
        write: The function that writes a table.

    Raises:
        ValueError: There is a format of this name or ending.
    """
    for other, writer in WRITERS.items():
        if name == other or suffix == writer.suffix:
            raise ValueError(f"format {name!r} ({suffix}) is taken by {other!r} ({writer.suffix}); give another")
    WRITERS[name] = Writer(suffix, write)


def table_files(stem: str, tables: Sequence[Table], formats: Sequence[str]) -> dict[str, str]:
    """Writes tables one after the other, in each of some formats and in all that were added.

    Args:
        stem: The files' name without its ending.
        tables: The tables.
        formats: Names of `WRITERS`.

    Returns:
        {file name: text}.
    """
    writers = [WRITERS[name] for name in (*formats, *(name for name in WRITERS if name not in _OWN))]
    return {stem + writer.suffix: "\n".join(map(writer.write, tables)) for writer in writers}
