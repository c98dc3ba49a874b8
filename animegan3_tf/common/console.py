"""What commands print: progress, times in words, numbers."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text


def duration(seconds: float) -> str:
    """Formats a length of time as `45 s`, `12 min`, `1 h 05 min` or `3 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def number(value: float) -> str:
    """Writes a number for people: whole ones in full, others with four significant digits, never with an exponent."""
    if isinstance(value, int) or abs(value) >= 999.95:
        return f"{value:,.0f}"
    text = f"{value:.4g}"
    return f"{value:.6f}" if "e-" in text else text


_EVERY = 30.0  # seconds between lines; short work prints none


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Shows done, total, rate and time left during a `with` block.

    Args:
        what: The work, such as "preparing".

    Yields:
        A function to call as (done, total, name) after each item.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[name]}", markup=False),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, name="")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, name=_printable(name))


class Lines:
    """Prints `preparing: 1,200 of 6,000, 8.5/s, 9 min left` at most every half minute.

    The rate counts from the line before, so items that an earlier command finished do not raise it for long.

    Args:
        what: The work, such as "preparing".
        clock: Returns the time in seconds.
        write: Called with each line; prints to stderr by default.
    """

    def __init__(
        self,
        what: str,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._what, self._clock = what, clock
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._since, self._before = clock(), 0

    def __call__(self, done: int, total: int, name: str) -> None:
        """Counts an item as done, and prints a line if it is time."""
        now = self._clock()
        if now - self._since < _EVERY:
            return
        rate = (done - self._before) / (now - self._since)
        self._write(f"{self._what}: {done:,} of {total:,}, {rate:.3g}/s, {duration((total - done) / rate)} left")
        self._since, self._before = now, done


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Items a second over the last half minute."""
        return Text("" if task.speed is None else f"{task.speed:.3g}/s")


def _printable(name: str) -> str:
    """A file name with its undecodable bytes escaped, which would end the bar."""
    return name.encode(errors="backslashreplace").decode()
