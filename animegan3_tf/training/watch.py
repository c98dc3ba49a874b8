"""Watching a run: metrics.jsonl, status.json and the page."""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError
from animegan3_tf.training.callbacks import Console, Logs, Pace, PacedCallback, RunCallback, Show
from animegan3_tf.training.run_files import FAILED, FINISHED, RUNNING, STOPPED, MetricsFile, RunStatus

if TYPE_CHECKING:
    import os
    from pathlib import Path
    from types import TracebackType

    from animegan3_tf.training.configuration import RunConfiguration
    from animegan3_tf.training.run import RunResult


class MetricsLog(PacedCallback):
    """Writes a record every few steps and at the last step of a phase.

    A record is {"step", "phase", "time": Unix seconds, "steps_per_s", "images_per_s", "memory": bytes, see `memory`,
    "terms": {name: value}}. Validations are records of their own, with "validation": {name: value} and "grid", the path
    of the image grid in the run folder; so are warnings, with "warning".

    Args:
        every: Steps between two records.
        file: The file to write to.
        batch_size: Images per step, the mean over batches of different sizes.
        warn: Called once if the file cannot be written to; the run goes on.
        clock: Returns Unix seconds; tests replace it.
        pace: Measures the rate; tests replace it.
    """

    def __init__(
        self,
        every: int,
        file: MetricsFile,
        batch_size: float,
        warn: Show,
        clock: Callable[[], float] = time.time,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(every, pace)
        self.file, self.batch_size = file, batch_size
        self.step = file.start
        self._warn, self._clock, self._failed = warn, clock, False
        self._last: Logs = {}

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Keeps the step's terms, in case it is the last one."""
        self._last = logs or {}
        super().on_train_batch_end(batch, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Writes the last step's record, if it was not written."""
        if self._last and self.acted != self.step:
            self.act(self.step, self._last)
            self.acted = self.step

    def act(self, step: int, logs: Logs) -> None:
        """Writes the record."""
        rate = self.pace.read()
        speed = {"steps_per_s": rate, "images_per_s": rate * self.batch_size}
        self._write(step, phase=self.model.phase, **speed, memory=memory(), terms=dict(logs))

    def validated(self, step: int, phase: str, values: Mapping[str, float], grid: Path) -> None:
        """Writes the validation."""
        self._write(step, phase=phase, validation=dict(values), grid=f"{grid.parent.name}/{grid.name}")

    def warned(self, text: str) -> None:
        """Writes the warning under the last step that was done before it."""
        self._write(self.step, warning=text)

    def _write(self, step: int, **record: Any) -> None:
        try:
            self.file.append({"step": step, "time": self._clock(), **record})
        except OSError as error:
            if not self._failed:
                self._failed = True  # first, since `warn` calls `warned` again
                self._warn(f"{str(self.file.path)!r} cannot be written to ({error.strerror}); its curves have a gap")


def memory() -> dict[str, int]:
    """Returns memory use in bytes.

    Returns:
        "process_peak", the most main memory so far; with GPUs also "gpu_now" and "gpu_peak", each of the GPU that is
        fullest.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = {"process_peak": peak if sys.platform == "darwin" else peak * 1024}  # elsewhere in KiB
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices("GPU")]
    found = [tf.config.experimental.get_memory_info(device) for device in devices]
    if found:
        used |= {"gpu_now": max(f["current"] for f in found), "gpu_peak": max(f["peak"] for f in found)}
    return used


HEARTBEAT = 30.0  # seconds, far below the time after which a run without an update counts as dead


class StatusFile(RunCallback):
    """Writes the run's status every few steps, and at the first step after half a minute without a write.

    Args:
        every: Steps between two writes.
        status: The status.
        warn: Called once if the file cannot be written to.
        clock: Returns seconds; tests replace it.
    """

    def __init__(self, every: int, status: RunStatus, warn: Show, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(every)
        self.status = status
        self._warn, self._clock, self._failed = warn, clock, False
        self._written = clock()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Acts on its steps, and when the last write is too long ago."""
        super().on_train_batch_end(batch, logs)
        if self._clock() - self._written >= HEARTBEAT:
            self.act(self.step, logs or {})

    def act(self, step: int, logs: Logs) -> None:
        """Writes the step and its terms."""
        self.update(state=RUNNING, step=step, phase=self.model.phase, terms=dict(logs))

    def validated(self, step: int, phase: str, values: Mapping[str, float], grid: Path) -> None:
        """Writes the curves and the path of the image grid."""
        self.update(step=step, validation=dict(values), grid=f"{grid.parent.name}/{grid.name}")

    def update(self, **changes: Any) -> None:
        """Calls `RunStatus.update`; if the file cannot be written, it warns and the run goes on."""
        self._written = self._clock()
        try:
            self.status.update(**changes)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._warn(f"{str(self.status.path)!r} cannot be written to ({error.strerror}); it is out of date")


class SilentMonitor:
    """The monitor of a worker that is not the chief: it records nothing and shows only warnings.

    Args:
        worker: The worker's number.
        show: Receives the warnings.
    """

    def __init__(self, worker: int, show: Show = say) -> None:
        self._worker, self._show = worker, show
        self.callbacks: list[RunCallback] = []

    def show(self, text: str) -> None:
        """Shows nothing, since the chief shows the line."""

    def warn(self, text: str) -> None:
        """Shows a warning; safe to call from any thread."""
        self._show(f"worker {self._worker}: {text}")


class RunMonitor:
    """Shows and records a run; use it as a context manager around the whole of it.

    On leaving, the status says how the run ended, and the report page is written if a step was done.

    Args:
        configuration: That of the run.
        folder: The run folder.
        resumed_at: The step from which the run is resumed, or None.
        show: Receives the console's lines.
        write_page: Writes the report page of a run folder; without it, there is none.

    Attributes:
        callbacks: The callbacks to train with.
    """

    def __init__(
        self,
        configuration: RunConfiguration,
        folder: str | os.PathLike[str],
        resumed_at: int | None = None,
        show: Show = say,
        write_page: Callable[[str | os.PathLike[str]], object] | None = None,
    ) -> None:
        self.folder, self._show, self._write_page = folder, show, write_page
        every, steps, pretrain = configuration.log_every, configuration.steps, configuration.pretrain_steps
        batch = configuration.style.examples_per_step
        file = MetricsFile(folder, resumed_at)
        status = RunStatus(folder, steps)
        before: dict[str, Any] = next((record for record in reversed(file.kept) if "validation" in record), {})
        status.values |= {"step": file.start, **{key: before[key] for key in ("validation", "grid") if key in before}}
        self._metrics = MetricsLog(every, file, batch, self.warn)
        self._status = StatusFile(every, status, self.warn)
        self._left = False
        self.callbacks: list[RunCallback] = [Console(every, steps, pretrain, show), self._metrics, self._status]

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
        self._status.update(state=state, message=message, **changes)
        if self._metrics.step == 0 or self._write_page is None:
            return  # there is nothing to see
        try:
            self._write_page(self.folder)
        except (UserError, OSError) as error:  # the run is more important than its page
            self.warn(f"report.html was not written: {error}")
