"""The monitor of a run: console, curves and status while it goes on, and the page at its end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.console import Console as Terminal

from animegan3_tf.errors import UserError
from animegan3_tf.training.callbacks import Console, RunCallback
from animegan3_tf.training.live import LiveTable
from animegan3_tf.training.metrics_file import MetricsFile
from animegan3_tf.training.metrics_log import MetricsLog
from animegan3_tf.training.page import write_page
from animegan3_tf.training.status import FAILED, FINISHED, STOPPED, RunStatus
from animegan3_tf.training.status_file import StatusFile

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from animegan3_tf.training.configuration import RunConfiguration
    from animegan3_tf.training.run import RunResult


class SilentMonitor:
    """The monitor of a worker that is not the chief: it records nothing and shows only warnings.

    Args:
        worker: The worker's number.
        show: Receives the warnings.
    """

    def __init__(self, worker: int, show: Callable[[str], object] = print) -> None:
        self._worker, self._show = worker, show
        self.callbacks: list[RunCallback] = []

    def show(self, text: str) -> None:
        """Shows nothing, since the chief shows the line."""

    def warn(self, text: str) -> None:
        """Shows a warning; safe to call from any thread."""
        self._show(f"worker {self._worker}: {text}")


class RunMonitor:
    """Shows and records a run; use it as a context manager around the whole of it.

    On leaving, the status says how the run ended, and `report.html` is written if a step was done.

    Args:
        configuration: That of the run.
        folder: The run folder.
        resumed_at: The step from which the run is resumed, or None.
        show: Receives the console's lines.
        live: Draw a table on the terminal of stdout in place of the lines.

    Attributes:
        callbacks: The callbacks to train with.
    """

    def __init__(
        self,
        configuration: RunConfiguration,
        folder: str | os.PathLike[str],
        resumed_at: int | None = None,
        show: Callable[[str], object] = print,
        live: bool = False,
    ) -> None:
        self.folder, self._show = folder, show
        every, steps, pretrain = configuration.log_every, configuration.steps, configuration.pretrain_steps
        batch = configuration.style.examples_per_step
        file = MetricsFile(folder, resumed_at)
        status = RunStatus(folder, steps)
        before: dict[str, Any] = next((record for record in reversed(file.kept) if "validation" in record), {})
        status.values |= {"step": file.start, **{key: before[key] for key in ("validation", "grid") if key in before}}
        self._console: LiveTable | Console
        if live:
            self._console = LiveTable(every, steps, pretrain, batch, Terminal(file=sys.stdout))
        else:
            self._console = Console(every, steps, pretrain, show)
        self._metrics = MetricsLog(every, file, batch, self.warn)
        self._status = StatusFile(every, status, self.warn)
        self._left = False
        self.callbacks: list[RunCallback] = [self._console, self._metrics, self._status]

    def show(self, text: str) -> None:
        """Shows a line that is neither a warning nor about a step."""
        self._show(text)

    def warn(self, text: str) -> None:
        """Shows and records a warning; safe to call from any thread."""
        for callback in self.callbacks:
            callback.warned(text)

    def __enter__(self) -> RunMonitor:
        self._status.update()
        return self

    def ended(self, result: RunResult) -> None:
        """Records that the run reached its last step, or that a signal stopped it and it was saved."""
        if result.stopped_by is None:
            self._leave(FINISHED, "", step=result.step)
        else:
            name = signal.Signals(result.stopped_by).name
            self._leave(STOPPED, f"stopped by {name} and saved; --resume goes on", step=result.step)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or self._left:
            return
        if isinstance(error, KeyboardInterrupt):
            self._leave(STOPPED, "interrupted at once; --resume goes on from the last save")
        else:
            message = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            self._leave(FAILED, " ".join(message.split()))

    def _leave(self, state: str, message: str, **changes: Any) -> None:
        self._left = True
        if isinstance(self._console, LiveTable):
            self._console.close()
        self._status.update(state=state, message=message, **changes)
        if self._metrics.step == 0:
            return  # there is nothing to see
        try:
            write_page(self.folder)
        except (UserError, OSError) as error:  # the run is more important than its page
            self.warn(f"report.html was not written: {error}")
