"""The callback that keeps `status.json` up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from animegan3_tf.training.callbacks import Logs, RunCallback
from animegan3_tf.training.status import RUNNING, RunStatus

if TYPE_CHECKING:
    from pathlib import Path

HEARTBEAT = 30.0  # seconds, far below the time after which a run without an update counts as dead


class StatusFile(RunCallback):
    """Writes the run's status every few steps, and at the first step after half a minute without a write.

    Args:
        every: Steps between two writes.
        status: The status.
        warn: Called once if the file cannot be written to.
        clock: Returns seconds; tests replace it.
    """

    def __init__(
        self,
        every: int,
        status: RunStatus,
        warn: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
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
