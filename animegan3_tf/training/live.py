"""The run as a live table on a terminal: its step, its speed, and each term with its mean and trend."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from animegan3_tf.training.callbacks import Logs, PacedCallback
from animegan3_tf.training.metrics_log import memory
from animegan3_tf.training.pace import Pace, remaining

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

RECENT = 20  # readings behind mean and trend
_REFRESH = 0.25  # seconds between redrawn step counts


class LiveTable(PacedCallback):
    """Draws the table from the first step until `close`, and leaves its last state on the terminal.

    It uses plain ASCII, because not every terminal has more.

    Args:
        every: Steps between two readings of the terms; the step count follows every step.
        steps: All steps of the run.
        pretrain_steps: Those of the pre-training.
        batch_size: Images per step, the mean over batches of different sizes.
        console: The terminal.
        clock: Returns seconds; tests replace it.
        pace: Measures the rate; tests replace it.
    """

    def __init__(
        self,
        every: int,
        steps: int,
        pretrain_steps: int,
        batch_size: float,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(every, pace)
        self.steps, self.pretrain_steps, self.batch_size = steps, pretrain_steps, batch_size
        self.console, self._clock = console, clock
        self._live: Live | None = None
        self._drawn = -math.inf
        self._phase, self._rate = "", 0.0
        self._memory: dict[str, int] = {}
        self._readings: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=RECENT))
        self._validation: Mapping[str, float] = {}
        self._grid: Path | None = None
        self._warnings: list[str] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Starts drawing, and forgets the terms of the phase before."""
        super().on_train_begin()
        self._readings.clear()
        self._phase, self._rate = self.model.phase, 0.0
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, get_renderable=self.render)
            self._live.start()
        self._draw()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Counts the step, and redraws the table if it is older than a quarter of a second."""
        super().on_train_batch_end(batch, logs)
        if self._clock() - self._drawn >= _REFRESH:
            self._draw()

    def act(self, step: int, logs: Logs) -> None:
        """Reads every term."""
        self._rate, self._memory = self.pace.read(), memory()
        for name, value in logs.items():
            self._readings[name].append(float(value))

    def validated(self, step: int, phase: str, values: Mapping[str, float], grid: Path) -> None:
        """Shows the newest validation and the path of its image grid."""
        self._validation, self._grid = values, grid
        self._draw()

    def warned(self, text: str) -> None:
        """Prints the warning above the table."""
        self._warnings.append(text)
        self.console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Draws for the last time and releases the terminal; may be called twice."""
        if self._live is not None:
            live, self._live = self._live, None
            live.refresh()
            live.stop()

    def render(self) -> Group:
        """Builds the table from the newest readings."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("term", "now", f"mean of {RECENT}", "trend"):
            table.add_column(title, justify="left" if title == "term" else "right")
        for name, readings in list(self._readings.items()):
            table.add_row(name, f"{readings[-1]:.4g}", f"{sum(readings) / len(readings):.4g}", trend(readings))
        for name, value in self._validation.items():
            table.add_row(name, f"{value:.4g}", "", "")
        return Group(*map(_line, [*self._head(), ""]), table, *map(_line, ["", *self._foot()]))

    def _head(self) -> list[str]:
        done = f"step {self.step:,} of {self.steps:,} ({self.step / self.steps:.0%})  {self._phase}"
        if not self._rate:
            return [done, "the first steps of a phase take longer"]
        speed = f"{self._rate:.2f} steps/s  {self._rate * self.batch_size:.1f} images/s"
        ends = remaining(self.step, self._rate, self.steps, self.pretrain_steps)
        return [done, "  ".join(filter(None, [speed, ends]))]

    def _foot(self) -> list[str]:
        names = {"process_peak": "process peak", "gpu_now": "GPU now", "gpu_peak": "GPU peak"}
        used = [f"{names[name]} {amount / 2**30:.2f} GiB" for name, amount in self._memory.items()]
        lines = [f"memory: {', '.join(used)}"] if used else []
        if self._grid is not None:
            lines.append(f"images: {self._grid}")
        if self._warnings:
            lines.append(f"warnings: {len(self._warnings)}, the last: {self._warnings[-1]}")
        return lines

    def _draw(self) -> None:
        self._drawn = self._clock()
        if self._live is not None:
            self._live.refresh()


def trend(readings: Collection[float]) -> str:
    """Compares the mean of the newer half of some readings with that of the older half.

    Args:
        readings: Values, oldest first; those that are NaN or infinite are left out.

    Returns:
        The relative difference, `+3.1 %`; "" for fewer than four values or an older mean of 0.
    """
    values = [value for value in readings if math.isfinite(value)]
    half = len(values) // 2
    if half < 2:
        return ""
    older, newer = (sum(part) / half for part in (values[:half], values[-half:]))
    return f"{(newer - older) / abs(older):+.1%}".replace("%", " %") if older else ""


def _line(text: str) -> Text:
    return Text(text, overflow="ellipsis", no_wrap=True)
