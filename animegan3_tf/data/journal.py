"""A log of finished work, one line an item, so that a killed run loses no more than the item it was working on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

JOURNAL = ".journal.jsonl"  # in the target folder, until manifest.json and rejected.json are written


class Journal:
    """The lines (name, record or None, reason or None) of a target folder, appended one at a time."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._file: TextIO | None = None

    def read(self) -> Iterator[tuple[str, dict | None, str | None]]:
        """Yields the lines that a killed run left; one without a newline at its end was not written whole."""
        with contextlib.suppress(FileNotFoundError), open(self._path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    name, record, reason = json.loads(line) if line.endswith("\n") else (None, None, None)
                except ValueError:  # a power cut may leave anything
                    return
                if name is not None:
                    yield name, record, reason

    def write(self, name: str, record: dict | None, reason: str | None) -> None:
        """Appends a line, and hands it to the system at once.

        Args:
            name: The item.
            record: How it was made; None where it was rejected.
            reason: Why it was rejected, or None.

        Raises:
            OSError: The journal cannot be written.
        """
        if self._file is None:
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps([name, record, reason]) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Removes the journal, once the manifest holds its lines."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._path.unlink(missing_ok=True)
