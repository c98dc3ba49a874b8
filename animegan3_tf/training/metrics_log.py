"""The run's curves on disk: speed, memory and every loss term, for the run's page and for other programs."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from animegan3_tf.training.callbacks import Logs, PacedCallback
from animegan3_tf.training.metrics_file import MetricsFile, read_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from animegan3_tf.training.pace import Pace

__all__ = ["MetricsLog", "memory", "read_metrics"]


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
        warn: Callable[[str], object],
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
