"""What a run of prepare has done so far, a line each, so that a kill costs no more than the picture it fell into."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

JOURNAL = ".journal.jsonl"  # in the target folder, until the books are written


class Journal:
    """The lines (name, record or None, reason or None) of a target folder, appended one at a time."""

    def __init__(self, folder: Path):
        self._path, self._file = folder / JOURNAL, None

    def read(self) -> Iterator[tuple[str, dict | None, str | None]]:
        """The lines that a killed run left; what it did not end with a newline was not written whole."""
        with contextlib.suppress(FileNotFoundError), open(self._path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    name, record, reason = json.loads(line) if line.endswith("\n") else (None, None, None)
                except ValueError:  # a power cut may leave anything
                    return
                if name is not None:
                    yield name, record, reason

    def write(self, name: str, record: dict | None, reason: str | None) -> None:
        """Appends a line, and hands it to the system at once. Raises OSError."""
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps([name, record, reason]) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Once the books hold what it says."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)
