"""A comparison on disk: for the eye, for programs, for a repository's pages, for a spreadsheet and for a paper."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

from animegan3_tf import __version__
from animegan3_tf.comparison.compare import Comparison
from animegan3_tf.comparison.page import page_of
from animegan3_tf.comparison.picture_size import size_text
from animegan3_tf.comparison.table_texts import csv_table, csv_text, latex_table, markdown_table, markdown_text
from animegan3_tf.comparison.tables import Table, cost_table, not_measured, score_table
from animegan3_tf.comparison.words import about, how_timed, notes
from animegan3_tf.errors import UserError
from animegan3_tf.images import quote
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "report.md", "methods.csv", "pictures.csv", "tables.tex")


def write_report(comparison: Comparison, folder: str | os.PathLike, shown: int) -> Path:
    """Writes FILES into a folder, none of them before all are made; returns the page. `shown` as for `page_of`."""
    texts = {
        "report.html": page_of(comparison, shown),
        "report.json": json.dumps(to_dict(comparison), indent=1, allow_nan=False) + "\n",
        "report.md": markdown(comparison),
        "methods.csv": csv_table(cost_table(comparison), score_table(comparison)),
        "pictures.csv": csv_text(_pictures(comparison)),
        "tables.tex": latex(comparison),
    }
    write_texts(folder, texts)
    return Path(folder, "report.html")


def check_folder(folder: str | os.PathLike) -> None:
    """Refuses, before any work, a folder that could not be written to; makes none."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--out {quote(folder)} is a file; name a folder")
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(f"--out {quote(folder)} cannot be written to; name another, or change its permissions")


def to_dict(comparison: Comparison) -> dict:
    """Everything of a comparison, as JSON takes it."""
    return {
        "animegan3_tf": __version__,
        "machine": comparison.machine,
        "photos": {
            "folder": str(comparison.inputs.given),
            "pictures": len(comparison.inputs.paths),
            "longest_side": comparison.inputs.side,
            "sizes": {name: size_text(size) for name, size in comparison.inputs.sizes.items()},
        },
        "anime": {"folder": str(comparison.anime), "pictures": comparison.anime_pictures},
        "timing": {
            "sizes": [size_text(size) for size in comparison.settings.sizes],
            "rounds": comparison.settings.rounds,
        },
        "metrics": comparison.metrics,
        "problems": comparison.problems,
        "methods": [_method(entry, len(comparison.inputs.paths)) for entry in comparison.entries],
        "pictures": _pictures(comparison),
    }


def markdown(comparison: Comparison) -> str:
    """The tables and what they rest on, without pictures."""
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
    """Cost and scores, a `tabular` each, a row a method."""
    return "\n".join(latex_table(table) for table in (cost_table(comparison), score_table(comparison)))


def _legend(table: Table):
    lines = [f"{c.heading}: {c.name}{f', {c.better} is better' if c.better else ''}" for c in table.columns]
    return "".join(f"- {markdown_text(line)}\n" for line in lines)


def _list(title, lines):
    return [title, "".join(f"- {markdown_text(line)}\n" for line in lines)] if lines else []


def _method(entry, photos):
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


def _pictures(comparison):
    """A row for each picture of a method; None where there is no number."""
    rows = []
    for entry in comparison.entries:
        for number, photo in enumerate(entry.drawn.paths):
            row = {"method": entry.method.name, "photo": photo}
            for kind in entry.measured.kinds:
                value = float(entry.measured.scores[kind.key][number])
                row[kind.key] = value if math.isfinite(value) else None
            rows.append(row)
    return rows
