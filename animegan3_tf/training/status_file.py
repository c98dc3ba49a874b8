"""Keeps `status.json` up to date while a run goes on."""

import time

from animegan3_tf.training.callbacks import RunCallback
from animegan3_tf.training.status import RUNNING

HEARTBEAT = 30.0  # seconds: far below the silence after which a run counts as dead


class StatusFile(RunCallback):
    """Writes the run's status every few steps, and in any case every half minute in which a step was done.

    status: a `RunStatus`. warn: told once when it cannot be written. clock: seconds, for tests.
    """

    def __init__(self, every, status, warn, clock=time.monotonic):
        super().__init__(every)
        self.status = status
        self._warn, self._clock, self._failed = warn, clock, False
        self._written = clock()

    def on_train_batch_end(self, batch, logs=None):
        """Acts on its steps, and when it was silent for long."""
        super().on_train_batch_end(batch, logs)
        if self._clock() - self._written >= HEARTBEAT:
            self.act(self.step, logs or {})

    def act(self, step, logs):
        """Writes the step and its terms."""
        self.update(state=RUNNING, step=step, phase=self.model.phase, terms=dict(logs))

    def validated(self, step, phase, values, grid):
        """Writes the curves and where the pictures are."""
        self.update(step=step, validation=dict(values), grid=f"{grid.parent.name}/{grid.name}")

    def update(self, **changes):
        """As `RunStatus.update`; a disk that is full is no reason to end a run."""
        self._written = self._clock()
        try:
            self.status.update(**changes)
        except OSError as error:
            if not self._failed:
                self._failed = True
                self._warn(f"{str(self.status.path)!r} cannot be written to ({error.strerror}); it is out of date")
