"""The run as a table on a terminal: where it is, how fast, and each term with its mean and trend."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from animegan3_tf.training.callbacks import PacedCallback
from animegan3_tf.training.metrics_log import memory
from animegan3_tf.training.pace import remaining

RECENT = 20  # readings behind mean and trend
_REFRESH = 0.25  # seconds between redrawn step counts


class LiveTable(PacedCallback):
    """Draws the table on `console` (rich's) from the first step until `close`, and leaves its last state standing.

    Terms are read every `every` steps; the step count follows each step. Plain ASCII, as not every terminal has more.
    batch_size: pictures a step. clock, pace: for tests.
    """

    def __init__(self, every, steps, pretrain_steps, batch_size, console, clock=time.monotonic, pace=None):
        super().__init__(every, pace)
        self.steps, self.pretrain_steps, self.batch_size = steps, pretrain_steps, batch_size
        self.console, self._clock = console, clock
        self._live, self._drawn = None, -math.inf
        self._phase, self._rate, self._memory = "", 0.0, {}
        self._readings = defaultdict(lambda: deque(maxlen=RECENT))
        self._validation, self._grid, self._warnings = {}, None, []

    def on_train_begin(self, logs=None):
        """Starts drawing; a new phase has other terms."""
        super().on_train_begin()
        self._readings.clear()
        self._phase, self._rate = self.model.phase, 0.0
        if self._live is None:
            self._live = Live(console=self.console, auto_refresh=False, get_renderable=self.render)
            self._live.start()
        self._draw()

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step, and draws if the last time is long enough ago."""
        super().on_train_batch_end(batch, logs)
        if self._clock() - self._drawn >= _REFRESH:
            self._draw()

    def act(self, step, logs):
        """Takes a reading of every term."""
        self._rate, self._memory = self.pace.read(), memory()
        for name, value in logs.items():
            self._readings[name].append(float(value))

    def validated(self, step, phase, values, grid):
        """Shows the newest curves and where the pictures are."""
        self._validation, self._grid = values, grid
        self._draw()

    def warned(self, text):
        """Prints the warning above the table."""
        self._warnings.append(text)
        self.console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)

    def close(self):
        """Draws for the last time and gives the terminal back; may be called twice."""
        if self._live is not None:
            live, self._live = self._live, None
            live.refresh()
            live.stop()

    def render(self):
        """What stands on the terminal now."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("term", "now", f"mean of {RECENT}", "trend"):
            table.add_column(title, justify="left" if title == "term" else "right")
        for name, readings in list(self._readings.items()):
            table.add_row(name, f"{readings[-1]:.4g}", f"{sum(readings) / len(readings):.4g}", trend(readings))
        for name, value in self._validation.items():
            table.add_row(name, f"{value:.4g}", "", "")
        return Group(*map(_line, [*self._head(), ""]), table, *map(_line, ["", *self._foot()]))

    def _head(self):
        done = f"step {self.step:,} of {self.steps:,} ({self.step / self.steps:.0%})  {self._phase}"
        if not self._rate:
            return [done, "the first steps of a phase take longer"]
        speed = f"{self._rate:.2f} steps/s  {self._rate * self.batch_size:.1f} images/s"
        ends = remaining(self.step, self._rate, self.steps, self.pretrain_steps)
        return [done, "  ".join(filter(None, [speed, ends]))]

    def _foot(self):
        names = {"process_peak": "process at most", "gpu_now": "GPU now", "gpu_peak": "GPU at most"}
        used = [f"{names[name]} {amount / 2**30:.2f} GiB" for name, amount in self._memory.items()]
        lines = [f"memory: {', '.join(used)}"] if used else []
        if self._grid is not None:
            lines.append(f"pictures: {self._grid}")
        if self._warnings:
            lines.append(f"warnings: {len(self._warnings)}, the last: {self._warnings[-1]}")
        return lines

    def _draw(self):
        self._drawn = self._clock()
        if self._live is not None:
            self._live.refresh()


def trend(readings):
    """How the mean of the newer half differs from that of the older, `+3.1 %`; "" where there is no telling."""
    values = [value for value in readings if math.isfinite(value)]
    half = len(values) // 2
    if half < 2:
        return ""
    older, newer = (sum(part) / half for part in (values[:half], values[-half:]))
    return f"{(newer - older) / abs(older):+.1%}".replace("%", " %") if older else ""


def _line(text):
    return Text(text, overflow="ellipsis", no_wrap=True)
