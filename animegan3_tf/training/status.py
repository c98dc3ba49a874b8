"""The status of a run, `status.json` in its folder, for other processes to read. TensorFlow is not needed."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.metrics_file import finite, is_number

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
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or not isinstance(values.get("state"), str):
            raise ValueError("it has no state")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{str(path)!r} cannot be read ({error}); the run writes it again when it goes on") from error
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
