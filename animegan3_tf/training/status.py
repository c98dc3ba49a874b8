"""What a run is doing, `status.json` in its folder, for whoever looks from outside. TensorFlow is not needed."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.metrics_file import finite, is_number

STATUS = "status.json"
STARTING, RUNNING, FINISHED, STOPPED, FAILED, DIED = "starting", "running", "finished", "stopped", "failed", "died"
SILENCE = 600.0  # seconds after which a run of another host, whose processes cannot be asked for, counts as dead


class RunStatus:
    """The status of the run this process is doing; each `update` replaces the file as a whole.

    Fields: state (starting, running, finished, stopped or failed), step, steps, phase, pid, host, started and updated
    (Unix seconds), message, and the newest terms, validation and grid (its path in the run folder).
    """

    def __init__(self, folder, steps, clock=time.time):
        self.path, self._clock = Path(folder) / STATUS, clock
        self.values = {
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

    def update(self, **changes):
        """Writes the file with some fields changed."""
        self.values.update(changes, updated=self._clock())
        with whole_file(self.path) as temporary:
            temporary.write_text(json.dumps(finite(self.values), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_status(folder, now=None):
    """The status of a run folder as a dict; None where it has none. now: Unix seconds, the present by default.

    One that says it goes on, but whose process is gone or which was silent for ten minutes on another host, has the
    state "died". Raises UserError for a file that cannot be read.
    """
    path = Path(folder) / STATUS
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or not isinstance(values.get("state"), str):
            raise ValueError("it holds no state")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{str(path)!r} cannot be read ({error}); the run, when it goes on, writes it anew") from error
    if values["state"] in (STARTING, RUNNING) and not _alive(values, time.time() if now is None else now):
        values["state"] = DIED
    return values


def _alive(values, now):
    pid, updated = values.get("pid"), values.get("updated")
    # on Windows, signal 0 is Ctrl-C
    if values.get("host") == socket.gethostname() and type(pid) is int and pid > 0 and os.name != "nt":
        try:
            os.kill(pid, 0)
        except PermissionError:
            return True  # someone else's
        except (ProcessLookupError, OverflowError):
            return False
        return True
    return is_number(updated) and now - updated <= SILENCE
