"""The runs below a folder, read from the small files in their folders. No TensorFlow, so the answer comes at once."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from animegan3_tf.errors import UserError
from animegan3_tf.training.metrics_file import is_number
from animegan3_tf.training.run_files import CONFIGURATION, read_configuration, states, step_of
from animegan3_tf.training.status import read_status

UNKNOWN, UNREADABLE = "unknown", "unreadable"
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Run:
    """A run, as seen from outside its process.

    Attributes:
        folder: The run folder.
        state: starting, running, finished, stopped, failed or died (`training.status`); unknown for a run without a
            status file; unreadable, with the reason in `message`.
        style: The name of its style.
        step: The last step done.
        steps: All steps of the run.
        phase: The present phase.
        terms: The newest loss terms, {name: value}.
        validation: The newest validation, {name: value}.
        grid: The path of the newest image grid.
        age: Seconds since the last update.
        message: Why the run ended, or why it cannot be read.
    """

    folder: str
    state: str
    style: str | None = None
    step: int = 0
    steps: int | None = None
    phase: str | None = None
    terms: dict[str, float] = field(default_factory=dict)
    validation: dict[str, float] = field(default_factory=dict)
    grid: str | None = None
    age: float | None = None
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def find_runs(folder: str | os.PathLike[str]) -> list[Path]:
    """Finds the run folders, which are those with a config.json, at a folder and below it.

    Links are followed; hidden folders are skipped.

    Args:
        folder: Where to look.

    Returns:
        The run folders, sorted.

    Raises:
        UserError: `folder` is not a folder.
    """
    if not os.path.isdir(folder):
        raise UserError(f"{str(folder)!r} is not a folder; name the one your runs are in")
    found: list[Path] = []
    visited: set[str] = set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if CONFIGURATION in files:
            found.append(Path(root))
        if CONFIGURATION in files or real in visited:
            folders.clear()  # a run folder contains no other run
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return sorted(found, key=lambda path: path.parts)


def read_run(folder: str | os.PathLike[str], now: float | None = None) -> Run:
    """Reads a run folder.

    Args:
        folder: The run folder.
        now: The present in Unix seconds; by default that of the clock.

    Returns:
        The run; its state is "unreadable" if its files cannot be read.
    """
    now = time.time() if now is None else now
    try:
        configuration = read_configuration(folder)
        status = read_status(folder, now)
    except UserError as error:
        return Run(str(folder), UNREADABLE, message=str(error))
    settings = configuration.get("style")
    style = _kept(settings.get("name") if isinstance(settings, dict) else None, str)
    if status is None:
        return Run(str(folder), UNKNOWN, style, _saved_step(folder), _kept(configuration.get("steps"), int))
    grid, updated = _kept(status.get("grid"), str), status.get("updated")
    return Run(
        folder=str(folder),
        state=status["state"],
        style=style,
        step=_kept(status.get("step"), int) or 0,
        steps=_kept(status.get("steps"), int) or _kept(configuration.get("steps"), int),
        phase=_kept(status.get("phase"), str),
        terms=_numbers(status.get("terms")),
        validation=_numbers(status.get("validation")),
        grid=None if grid is None else str(Path(folder) / grid),
        age=max(0.0, now - updated) if is_number(updated) else None,
        message=_kept(status.get("message"), str) or "",
    )


def _saved_step(folder: str | os.PathLike[str]) -> int:
    """The step of the newest state, for a run without a status file."""
    found = states(folder)
    return step_of(found[-1]) if found else 0


def _kept(value: object, kind: type[Kind]) -> Kind | None:
    """The value if it is of a type (and not a bool), else None."""
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _numbers(values: object) -> dict[str, float]:
    values = values if isinstance(values, dict) else {}
    return {name: value for name, value in values.items() if is_number(value)}
