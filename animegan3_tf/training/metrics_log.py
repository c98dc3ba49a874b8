"""The run's curves on disk: speed, memory and every loss term, for anyone's own plots and for the run's page."""

import resource
import sys
import time

import tensorflow as tf

from animegan3_tf.training.callbacks import PacedCallback
from animegan3_tf.training.metrics_file import read_metrics

__all__ = ["MetricsLog", "memory", "read_metrics"]


class MetricsLog(PacedCallback):
    """Writes a record every few steps and at the last one of a phase.

    {"step", "phase", "time": Unix seconds, "steps_per_s", "images_per_s", "memory": bytes, see `memory`, "terms":
    {name: value}}. Validations are records of their own, with "validation": {name: value} and "grid", the path of the
    pictures in the run folder; so are warnings, with "warning".

    file: a `MetricsFile`. batch_size: pictures a step. clock: Unix seconds. pace: see `PacedCallback`.
    warn: told once when the file cannot be written to; that is no reason to end a run.
    """

    def __init__(self, every, file, batch_size, warn, clock=time.time, pace=None):
        super().__init__(every, pace)
        self.file, self.batch_size = file, batch_size
        self.step = file.start
        self._warn, self._clock, self._failed = warn, clock, False
        self._last = {}

    def on_train_batch_end(self, batch, logs=None):
        """Keeps the step's terms, in case it is the last one."""
        self._last = logs or {}
        super().on_train_batch_end(batch, logs)

    def on_train_end(self, logs=None):
        """Writes the last step's record, if it was not written."""
        if self._last and self.acted != self.step:
            self.act(self.step, self._last)
            self.acted = self.step

    def act(self, step, logs):
        """Writes the record."""
        rate = self.pace.read()
        speed = {"steps_per_s": rate, "images_per_s": rate * self.batch_size}
        self._write(step, phase=self.model.phase, **speed, memory=memory(), terms=dict(logs))

    def validated(self, step, phase, values, grid):
        """Writes the validation."""
        self._write(step, phase=phase, validation=dict(values), grid=f"{grid.parent.name}/{grid.name}")

    def warned(self, text):
        """Writes the warning, at the last step done before it."""
        self._write(self.step, warning=text)

    def _write(self, step, **record):
        try:
            self.file.append({"step": step, "time": self._clock(), **record})
        except OSError as error:
            if not self._failed:
                self._failed = True  # first, as the warning comes back here
                self._warn(f"{str(self.file.path)!r} cannot be written to ({error.strerror}); its curves have a gap")


def memory():
    """{"process_peak": bytes} of main memory; with GPUs also "gpu_now" and "gpu_peak" of the one that is fullest."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    used = {"process_peak": peak if sys.platform == "darwin" else peak * 1024}  # elsewhere in KiB
    devices = [device.name.removeprefix("/device:") for device in tf.config.list_logical_devices("GPU")]
    found = [tf.config.experimental.get_memory_info(device) for device in devices]
    if found:
        used |= {"gpu_now": max(f["current"] for f in found), "gpu_peak": max(f["peak"] for f in found)}
    return used
