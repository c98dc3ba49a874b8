"""What a person watches a run with, put together: console, curves, status, and the page at its end."""

from __future__ import annotations

import signal
import sys

from rich.console import Console as Terminal

from animegan3_tf.errors import UserError
from animegan3_tf.training.callbacks import Console
from animegan3_tf.training.live import LiveTable
from animegan3_tf.training.metrics_file import MetricsFile
from animegan3_tf.training.metrics_log import MetricsLog
from animegan3_tf.training.page import write_page
from animegan3_tf.training.status import FAILED, FINISHED, STOPPED, RunStatus
from animegan3_tf.training.status_file import StatusFile


class Bystander:
    """In place of a `Watch` on a worker that is not the chief: nothing to record, and only warnings to show."""

    def __init__(self, worker, show=print):
        self._worker, self._show = worker, show

    def show(self, text):
        """Leaves it to the chief."""

    def warn(self, text):
        """Shows a warning; from any thread."""
        self._show(f"worker {self._worker}: {text}")


class Watch:
    """The callbacks that show and record a run; a context manager for the whole of it.

    configuration: a `RunConfiguration`. folder: the run's. resumed_at: the step it goes on from, or None.
    show: receives the console's lines. live: draw a table on the terminal of stdout in place of these.
    On leaving, the status says how the run ended, and `report.html` is written if a step was done.
    """

    def __init__(self, configuration, folder, resumed_at=None, show=print, live=False):
        self.folder, self._show = folder, show
        every, steps, pretrain = configuration.log_every, configuration.steps, configuration.pretrain_steps
        batch = configuration.style.examples_per_step
        file = MetricsFile(folder, resumed_at)
        status = RunStatus(folder, steps)
        before = next((record for record in reversed(file.kept) if "validation" in record), {})
        status.values |= {"step": file.start, **{key: before[key] for key in ("validation", "grid") if key in before}}
        if live:
            self._console = LiveTable(every, steps, pretrain, batch, Terminal(file=sys.stdout))
        else:
            self._console = Console(every, steps, pretrain, show)
        self._metrics = MetricsLog(every, file, batch, self.warn)
        self._status = StatusFile(every, status, self.warn)
        self._left = False
        self.callbacks = [self._console, self._metrics, self._status]

    def show(self, text):
        """Shows a line that is no warning and of no step."""
        self._show(text)

    def warn(self, text):
        """Shows and records a warning; from any thread."""
        for callback in self.callbacks:
            callback.warned(text)

    def __enter__(self):
        self._status.update()
        return self

    def ended(self, result):
        """The run came to its end, or was stopped by a signal and saved: what its `RunResult` says."""
        if result.stopped_by is None:
            self._leave(FINISHED, "", step=result.step)
        else:
            name = signal.Signals(result.stopped_by).name
            self._leave(STOPPED, f"stopped by {name} and saved; --resume goes on", step=result.step)

    def __exit__(self, kind, error, traceback):
        if error is None or self._left:
            return
        if isinstance(error, KeyboardInterrupt):
            self._leave(STOPPED, "interrupted at once; --resume goes on from the last save")
        else:
            told = str(error) if isinstance(error, UserError) else f"{kind.__name__}: {error}"
            self._leave(FAILED, " ".join(told.split()))

    def _leave(self, state, message, **changes):
        self._left = True
        if isinstance(self._console, LiveTable):
            self._console.close()
        self._status.update(state=state, message=message, **changes)
        if self._metrics.step == 0:
            return  # there is nothing to see
        try:
            write_page(self.folder)
        except (UserError, OSError) as error:  # the run is what matters
            self.warn(f"report.html was not written: {error}")
