"""The runs below a folder, told from the small files they keep. No TensorFlow, so the answer comes at once."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.training.metrics_file import is_number
from animegan3_tf.training.run_files import CONFIGURATION, read_configuration, states, step_of
from animegan3_tf.training.status import read_status

UNKNOWN, UNREADABLE = "unknown", "unreadable"


@dataclass(frozen=True)
class Run:
    """What is known of a run from outside.

    state: starting, running, finished, stopped, failed or died (`training.status`); unknown for a run that keeps no
    status; unreadable, with the reason in `message`. terms, validation: the newest, {name: value}. grid: path of the
    newest picture grid. age: seconds since the last update.
    """

    folder: str
    state: str
    style: str | None = None
    step: int = 0
    steps: int | None = None
    phase: str | None = None
    terms: dict = field(default_factory=dict)
    validation: dict = field(default_factory=dict)
    grid: str | None = None
    age: float | None = None
    message: str = ""

    def to_dict(self):
        """Plain values for JSON."""
        return asdict(self)


def find_runs(folder):
    """The run folders, those with a config.json, at `folder` and below, sorted; links are followed, hidden ones not."""
    if not os.path.isdir(folder):
        raise UserError(f"{str(folder)!r} is not a folder; name the one your runs are in")
    found, visited = [], set()
    for root, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if CONFIGURATION in files:
            found.append(Path(root))
        if CONFIGURATION in files or real in visited:
            folders.clear()  # nothing below a run is another
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
    return sorted(found, key=lambda path: path.parts)


def read_run(folder, now=None):
    """The `Run` of a folder; what cannot be read makes one that says so. now: Unix seconds, the present by default."""
    now = time.time() if now is None else now
    try:
        configuration = read_configuration(folder)
        status = read_status(folder, now)
    except UserError as error:
        return Run(str(folder), UNREADABLE, message=str(error))
    style = configuration.get("style")
    style = _kept(style.get("name") if isinstance(style, dict) else None, str)
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


def _saved_step(folder):
    """The step of the newest state: all that a run without a status tells."""
    found = states(folder)
    return step_of(found[-1]) if found else 0


def _kept(value, kind):
    """The value where it is of the kind it should be, else None."""
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _numbers(values):
    values = values if isinstance(values, dict) else {}
    return {name: value for name, value in values.items() if is_number(value)}
