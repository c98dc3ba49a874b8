"""Writes a comparison to disk, as a page, JSON, Markdown, CSV and LaTeX."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from animegan3_tf import __version__
from animegan3_tf.comparison.compare import Comparison, Entry
from animegan3_tf.comparison.image_size import size_text
from animegan3_tf.comparison.page import page_of
from animegan3_tf.comparison.table_texts import csv_table, csv_text, latex_table, markdown_table, markdown_text
from animegan3_tf.comparison.tables import Table, cost_table, not_measured, score_table
from animegan3_tf.comparison.words import about, how_timed, notes
from animegan3_tf.errors import UserError
from animegan3_tf.images import quote
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "report.md", "methods.csv", "pictures.csv", "tables.tex")


def write_report(comparison: Comparison, folder: str | os.PathLike, shown: int) -> Path:
    """Writes FILES into a folder. None is written before all are made.

    Args:
        comparison: The comparison.
        folder: The folder, made if missing.
        shown: How many photos the page shows; see `page_of`.

    Returns:
        The path of the page.
    """
    texts = {
        "report.html": page_of(comparison, shown),
        "report.json": json.dumps(to_dict(comparison), indent=1, allow_nan=False) + "\n",
        "report.md": markdown(comparison),
        "methods.csv": csv_table(cost_table(comparison), score_table(comparison)),
        "pictures.csv": csv_text(_image_rows(comparison)),
        "tables.tex": latex(comparison),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def check_folder(folder: str | os.PathLike) -> None:
    """Checks that a report could be written to a folder. Makes no folder.

    Raises:
        UserError: It could not.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {quote(folder)} is a file; name a folder")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--out {quote(folder)} cannot be written to; name another, or change its permissions")


def to_dict(comparison: Comparison) -> dict:
    """Everything about a comparison, as plain values for JSON."""
    return {
        "animegan3_tf": __version__,
        "machine": comparison.machine,
        "photos": {
            "folder": str(comparison.inputs.given),
            "pictures": len(comparison.inputs.paths),
            "longest_side": comparison.inputs.side,
            "sizes": {name: size_text(size) for name, size in comparison.inputs.sizes.items()},
        },
        "anime": {"folder": str(comparison.anime), "pictures": comparison.anime_count},
        "timing": {
            "sizes": [size_text(size) for size in comparison.settings.sizes],
            "rounds": comparison.settings.rounds,
        },
        "metrics": comparison.metrics,
        "problems": comparison.problems,
        "methods": [_method(entry, len(comparison.inputs.paths)) for entry in comparison.entries],
        "pictures": _image_rows(comparison),
    }


def markdown(comparison: Comparison) -> str:
    """The tables and how their numbers were measured, as Markdown without images."""
    cost, scores = cost_table(comparison), score_table(comparison)
    return "\n".join(
        [
            "# Comparison\n",
            "## Cost\n",
            markdown_text(how_timed(comparison)) + "\n",
            markdown_table(cost),
            _legend(cost),
            "## Scores\n",
            markdown_table(scores),
            _legend(scores),
            *_list("## Not measured\n", not_measured(comparison)),
            *_list("## Problems\n", [*(f"{name}: {line}" for name, line in notes(comparison)), *comparison.problems]),
            *_list("## How\n", [f"{what}: {how}" for what, how in about(comparison)]),
        ]
    )


def latex(comparison: Comparison) -> str:
    """Cost and scores as two LaTeX `tabular`s with one row for each method."""
    return "\n".join(latex_table(table) for table in (cost_table(comparison), score_table(comparison)))


def _legend(table: Table) -> str:
    lines = [f"{c.heading}: {c.name}{f', {c.better} is better' if c.better else ''}" for c in table.columns]
    return "".join(f"- {markdown_text(line)}\n" for line in lines)


def _list(title: str, lines: Sequence[str]) -> list[str]:
    return [title, "".join(f"- {markdown_text(line)}\n" for line in lines)] if lines else []


def _method(entry: Entry, photos: int) -> dict:
    method, drawn = entry.method, entry.drawn
    return {
        "name": method.name,
        "path": str(method.given),
        "kind": method.kind,
        "parameters": method.parameters,
        "bytes": method.bytes,
        "gflop_256": method.gflop,
        "takes_only": method.fixed_size and size_text(method.fixed_size),
        "pictures": len(drawn.paths),
        "missing": drawn.missing,
        "resized_from": {name: size_text(size) for name, size in drawn.resized.items()},
        "notes": entry.notes(photos),
        "speed": {size_text(size): speed.to_dict() for size, speed in entry.speeds.items()},
        "memory": entry.memory and entry.memory.to_dict(),
        "results": [result.to_dict() for result in entry.measured.results],
    }


def _image_rows(comparison: Comparison) -> list[dict[str, str | float | None]]:
    """A row for each image of each method; None where there is no number."""
    rows = []
    for entry in comparison.entries:
        for number, photo in enumerate(entry.drawn.paths):
            row: dict[str, str | float | None] = {"method": entry.method.name, "photo": photo}
            for kind in entry.measured.kinds:
                value = float(entry.measured.scores[kind.key][number])
                row[kind.key] = value if math.isfinite(value) else None
            rows.append(row)
    return rows
