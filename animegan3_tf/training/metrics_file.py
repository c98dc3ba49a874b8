"""The file of a run's curves, `metrics.jsonl`: one JSON object per line. TensorFlow is not needed."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file

if TYPE_CHECKING:
    import os
    from typing import TypeGuard  # not in Python 3.9

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
    path = Path(folder) / METRICS
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read ({error.strerror}); check its permissions") from error
    records = map(_record, text.split("\n"))  # not splitlines(), which also ends lines inside JSON text
    return [record for record in records if record is not None]


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(record, dict) and isinstance(record.get("step"), int) and not isinstance(record["step"], bool)
    return record if sound else None


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
