"""The table of runs on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.duration import duration
from animegan3_tf.training.headline import short_headline

if TYPE_CHECKING:
    import os

    from animegan3_tf.training.runs import Run

_TERMS = ("loss", "discriminator_support", "discriminator_main", "discriminator_pair")  # the terms that are shown
_PIPED = 160  # width in columns if the output is not a terminal


def print_runs(runs: Sequence[Run], folder: str | os.PathLike[str], file: TextIO | None = None) -> None:
    """Prints one row per run.

    Args:
        runs: The runs.
        folder: Where they were looked for.
        file: Where to print; stdout by default.
    """
    file = file or sys.stdout
    console = Console(file=file, highlight=False, markup=False, width=None if file.isatty() else _PIPED)
    if not runs:
        console.print(f"no runs below {str(folder)!r}")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    # users copy paths, so a path stays on one line as long as it leaves room for the other columns
    whole = max(len(str(run.folder)) for run in runs) <= console.width // 2
    for title in ("run", "style", "state", "step", "losses", "validation", "images", "updated"):
        table.add_column(title, overflow="fold", no_wrap=whole and title == "run")
    for run in runs:
        table.add_row(*map(Text, _row(run)))
    console.print(table)
    for run in runs:
        if run.message:
            console.print(f"{run.folder}: {run.message}", soft_wrap=True)


def _row(run: Run) -> tuple[str, ...]:
    losses = "  ".join(f"{name} {run.terms[name]:.3g}" for name in _TERMS if name in run.terms)
    return (
        run.folder,
        run.style or "",
        run.state,
        f"{run.step}/{run.steps or '?'}",
        losses,
        short_headline(run.validation),
        run.grid or "",
        "" if run.age is None else f"{duration(run.age)} ago",
    )
