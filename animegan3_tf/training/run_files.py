"""The files of a run folder that others read: states, metrics, status, and the list of runs. No TensorFlow."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import read_json, read_json_lines, whole_file

if TYPE_CHECKING:
    from typing import TypeGuard  # not in Python 3.9

CONFIGURATION = "config.json"
STATE_MAGIC = b"AnimeGANv3 state"  # the first bytes of a state file
_STATE = re.compile(r"state-(\d+)\.h5")


def read_configuration(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a run folder's config.json as plain values.

    Raises:
        UserError: There is none, or it cannot be read.
    """
    path = Path(folder) / CONFIGURATION
    try:
        values = read_json(path)
    except FileNotFoundError:
        raise UserError(f"{str(folder)!r} is not a run folder: it has no {CONFIGURATION}") from None
    if not isinstance(values, dict):
        raise UserError(f"{str(path)!r} cannot be read: it is not a JSON object")
    return values


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested dicts into one, whose keys are joined by dots and begin with `prefix`."""
    joined: dict[str, Any] = {}
    for key, value in values.items():
        joined |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return joined


def states(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the state files of a run folder, oldest first."""
    return sorted((p for p in Path(folder).glob("state-*.h5") if _STATE.fullmatch(p.name)), key=step_of)


def step_of(path: str | os.PathLike[str]) -> int:
    """Returns the step of a state file; raises ValueError for a name that is not that of a state."""
    match = _STATE.fullmatch(Path(path).name)
    if match is None:
        raise ValueError(f"{str(path)!r} is not the name of a state file, state-STEP.h5")
    return int(match.group(1))


def state_name(step: int) -> str:
    """Returns the file name of a step's state."""
    return f"state-{step:06d}.h5"


def is_state(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins like a state file; `state.read_state` also checks the rest of it."""
    with open(path, "rb") as file:
        return file.read(len(STATE_MAGIC)) == STATE_MAGIC


METRICS = "metrics.jsonl"


class MetricsFile:
    """Appends records to `metrics.jsonl` in a run folder; safe to use from many threads.

    Args:
        folder: The run folder.
        resumed_at: The step from which the run is resumed. Later records of an earlier part are dropped, so that no
            curve doubles. None for a new run, which drops all records.

    Attributes:
        path: The file.
        start: The step that the run starts from; 0 for a new run.
        kept: The records of earlier parts that were kept, oldest first.
    """

    def __init__(self, folder: str | os.PathLike[str], resumed_at: int | None = None) -> None:
        self.path = Path(folder) / METRICS
        self.start = resumed_at or 0
        self._lock = threading.Lock()
        self.kept = [] if resumed_at is None else [r for r in read_metrics(folder) if r["step"] <= resumed_at]
        if self.path.exists():  # from a start that failed, or from an earlier part
            with whole_file(self.path) as temporary:
                temporary.write_bytes(b"".join(map(_line, self.kept)))

    def append(self, record: Mapping[str, Any]) -> None:
        """Writes one record.

        Args:
            record: Values for JSON, "step" among them. NaN and infinite numbers become null, since JSON has neither.
        """
        with self._lock, open(self.path, "ab", buffering=0) as file:
            file.write(_line(record))


def read_metrics(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Reads the records of a run folder.

    Lines that are not a record are skipped, since a crash may leave the last one incomplete.

    Args:
        folder: The run folder.

    Returns:
        The records, oldest first; empty if there are none yet.

    Raises:
        UserError: The file cannot be read.
    """
    try:
        return [finite(record) for record in read_json_lines(Path(folder) / METRICS) if _is_record(record)]
    except FileNotFoundError:
        return []


def _is_record(values: Any) -> bool:
    return isinstance(values, dict) and isinstance(values.get("step"), int) and not isinstance(values["step"], bool)


def _line(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(finite(record), allow_nan=False) + "\n").encode()


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value read from JSON is a number below 1e18 in size, and neither NaN nor a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def finite(value: Any) -> Any:
    """Copies nested dicts and lists for JSON.

    Args:
        value: Dicts, lists and tuples of strings, booleans, None and numbers, which may be NumPy scalars or tensors.

    Returns:
        The copy, with plain numbers, lists for tuples, and None for NaN and infinite numbers.
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    number = float(value)  # NumPy's scalars and tensors too
    return number if math.isfinite(number) else None


_HEADLINES = (  # curve, title, format of its value, format where there is little room
    ("anime_likeness_main", "anime likeness, main tail", "{:.3f}", "{:.3f}"),
    ("psnr", "PSNR to the drawings", "{:.2f} dB", "{:.2f} dB"),
    ("ssim", "SSIM to the drawings", "{:.3f}", "SSIM {:.3f}"),
    ("eyes_drawn", "both eyes drawn", "{:.0%}", "eyes {:.0%}"),
)


def headline(validation: Mapping[str, float | None]) -> dict[str, str]:
    """Formats the most important curves of a validation.

    Args:
        validation: Its curves {name: value}; None for a value that is NaN or infinite.

    Returns:
        {title: formatted value} for those of the curves that the validation has.
    """
    return {title: long.format(value) for title, long, _, value in _found(validation)}


def short_headline(validation: Mapping[str, float | None]) -> str:
    """Formats the same curves as `headline` in a few characters: `26.40 dB  SSIM 0.812  eyes 85%`."""
    return "  ".join(short.format(value) for _, _, short, value in _found(validation))


def _found(validation: Mapping[str, float | None]) -> list[tuple[str, str, str, float | None]]:
    """(title, format, short format, value) of the curves that are there."""
    values = ((title, long, short, validation.get(name)) for name, title, long, short in _HEADLINES)
    return [entry for entry in values if is_number(entry[-1])]


STATUS = "status.json"
STARTING, RUNNING, FINISHED, STOPPED, FAILED, DIED = "starting", "running", "finished", "stopped", "failed", "died"
SILENCE = 600.0  # seconds without an update after which a run on another host counts as dead


class RunStatus:
    """The status of this process's run; each `update` replaces the file as a whole.

    Its fields are state (starting, running, finished, stopped or failed), step, steps, phase, pid, host, started and
    updated (Unix seconds), message, and the newest terms, validation and grid (its path in the run folder).

    Args:
        folder: The run folder.
        steps: All steps of the run.
        clock: Returns Unix seconds; tests replace it.

    Attributes:
        path: The file.
        values: The fields.
    """

    def __init__(self, folder: str | os.PathLike[str], steps: int, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = Path(folder) / STATUS, clock
        self.values: dict[str, Any] = {
            "state": STARTING,
            "step": 0,
            "steps": steps,
            "phase": None,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": clock(),
            "updated": None,
            "message": "",
            "terms": {},
            "validation": {},
            "grid": None,
        }

    def update(self, **changes: Any) -> None:
        """Changes some fields and writes the file."""
        self.values.update(changes, updated=self._clock())
        with whole_file(self.path) as temporary:
            temporary.write_text(json.dumps(finite(self.values), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_status(folder: str | os.PathLike[str], now: float | None = None) -> dict[str, Any] | None:
    """Reads the status of a run folder.

    Args:
        folder: The run folder.
        now: The present in Unix seconds; by default that of the clock.

    Returns:
        The fields, or None if there is no status file. The state is "died" for a run that has not ended but whose
        process is gone or, on another host, has written no status for ten minutes.

    Raises:
        UserError: The file cannot be read.
    """
    path = Path(folder) / STATUS
    try:
        values = read_json(path)
        if not isinstance(values, dict) or not isinstance(values.get("state"), str):
            raise UserError(f"{quote(path)} cannot be read: it has no state")
    except FileNotFoundError:
        return None
    except UserError as error:
        raise UserError(f"{error}; the run writes it again when it goes on") from None
    if values["state"] in (STARTING, RUNNING) and not _alive(values, time.time() if now is None else now):
        values["state"] = DIED
    return values


def _alive(values: Mapping[str, Any], now: float) -> bool:
    pid, updated = values.get("pid"), values.get("updated")
    # on Windows, signal 0 is Ctrl-C
    if values.get("host") == socket.gethostname() and type(pid) is int and pid > 0 and os.name != "nt":
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True  # the process of another user
        except (ProcessLookupError, OverflowError):
            return False
        return True
    return is_number(updated) and now - updated <= SILENCE


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
        saved = max(map(step_of, states(folder)), default=0)
        return Run(str(folder), UNKNOWN, style, saved, _kept(configuration.get("steps"), int))
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


def _kept(value: object, kind: type[Kind]) -> Kind | None:
    """The value if it is of a type (and not a bool), else None."""
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _numbers(values: object) -> dict[str, float]:
    values = values if isinstance(values, dict) else {}
    return {name: value for name, value in values.items() if is_number(value)}
