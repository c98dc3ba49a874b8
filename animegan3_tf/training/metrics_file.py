"""The file of a run's curves, `metrics.jsonl`: one JSON object a line, each written whole. TensorFlow is not needed."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file

METRICS = "metrics.jsonl"


class MetricsFile:
    """Appends records to `metrics.jsonl` in a run folder; safe to use from many threads.

    folder: the run's. resumed_at: the step the run goes on from; what an earlier part wrote past it is dropped, so that
    no curve doubles. None for a new run, of which nothing may stand there yet.
    """

    def __init__(self, folder, resumed_at=None):
        self.path = Path(folder) / METRICS
        self.start = resumed_at or 0
        self._lock = threading.Lock()
        self.kept = [] if resumed_at is None else [r for r in read_metrics(folder) if r["step"] <= resumed_at]
        if self.path.exists():  # of a start that failed, or of an earlier part
            with whole_file(self.path) as temporary:
                temporary.write_bytes(b"".join(map(_line, self.kept)))

    def append(self, record):
        """Adds one record, a dict with a "step"; a number that is NaN or infinite becomes null, as JSON has neither."""
        with self._lock, open(self.path, "ab", buffering=0) as file:
            file.write(_line(record))


def read_metrics(folder):
    """The records of a run folder, oldest first; [] where there are none yet.

    A line that is no record is passed over: the last one is torn after a crash.
    """
    path = Path(folder) / METRICS
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read ({error.strerror}); check its permissions") from error
    records = map(_record, text.split("\n"))  # not splitlines(), which also ends lines inside JSON text
    return [record for record in records if record is not None]


def _record(line):
    try:
        record = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(record, dict) and isinstance(record.get("step"), int) and not isinstance(record["step"], bool)
    return record if sound else None


def _line(record):
    return (json.dumps(finite(record), allow_nan=False) + "\n").encode()


def is_number(value):
    """Whether a value out of JSON is a number that can be reckoned with, and no NaN, truth value or endless integer."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e18


def finite(value):
    """A copy of nested dicts and lists in which numbers are plain, and None where they are NaN or infinite."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    number = float(value)  # NumPy's scalars and tensors too
    return number if math.isfinite(number) else None
