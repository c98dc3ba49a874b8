"""Writes tables as Markdown, CSV, LaTeX and HTML, and prints them on a terminal."""

from __future__ import annotations

import csv
import io

import rich.table
from rich.console import Console
from rich.text import Text

from animegan3_tf.comparison.tables import NOTHING, Cell, Column, Table
from animegan3_tf.evaluation.latex import latex_text
from animegan3_tf.pages.table import text

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
