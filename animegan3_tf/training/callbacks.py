"""Callbacks of a run: console, TensorBoard, checkpoints, and stopping on a signal."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, SupportsFloat

import tensorflow as tf

from animegan3_tf.common.console import duration
from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights import save_generator
from animegan3_tf.training.trainer import GanTrainer


class Pace:
    """Steps per second between two readings, including everything between the steps (image grids, saves).

    The first step of a phase traces its graph, which may take as long as a hundred steps, so the rate leaves it out as
    soon as a second step is done.

    Args:
        clock: Returns seconds; tests replace it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Begins a phase."""
        self._since, self._steps = self._clock(), 0
        self._traced: float | None = None  # when the first step of the phase was done

    def count(self) -> None:
        """Counts a step that is done."""
        self._steps += 1
        if self._traced is None:
            self._traced = self._clock()
            self._first = True

    def read(self) -> float:
        """Returns the steps per second since the last reading; 0.0 if no step was done."""
        now, steps, since = self._clock(), self._steps, self._since
        if self._traced is not None and self._first and steps > 1:
            steps, since = steps - 1, self._traced
        self._since, self._steps, self._first = now, 0, False
        return steps / max(now - since, 1e-9)


def remaining(step: int, rate: float, steps: int, pretrain_steps: int) -> str:
    """Words the remaining time.

    Args:
        step: The last step done.
        rate: Steps per second.
        steps: All steps of the run.
        pretrain_steps: Those of the pre-training.

    Returns:
        `ends in 1 h 05 min`; during pre-training `adversarial in 2 min`, since the rate of the slower phase is not
        known yet; "" where the rate is not known.
    """
    # at the last step of pre-training too: its rate says nothing about the steps to come
    ahead = step <= pretrain_steps < steps
    left = (pretrain_steps if ahead else steps) - step
    if left <= 0 or not rate > 0 or not math.isfinite(rate):
        return ""
    return f"{'adversarial' if ahead else 'ends'} in {duration(left / rate)}"


_HANGUP = getattr(signal, "SIGHUP", None)  # the terminal was closed; Windows has none
_STOPPING = (signal.SIGINT, signal.SIGTERM, *([_HANGUP] if _HANGUP else []))

Logs = Mapping[str, SupportsFloat]  # a step's terms: {name: number or scalar tensor}
Show = Callable[[str], object]  # receives a line for the user


class RunCallback(tf.keras.callbacks.Callback):
    """A callback that acts every few steps of the run, counted over both phases and over resumed parts.

    Attributes:
        every: Steps between two actions.
        step: The last step done, counted here so that no one has to ask the device for it.
        acted: The last step that it acted on, or None.
    """

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every
        self.step = 0
        self.acted: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Takes the step count of the trainer when a phase begins."""
        self.step = self.model.steps_done

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Calls `act` on steps that are multiples of `every`."""
        self.step += 1
        if self.step % self.every == 0:
            self.act(self.step, logs or {})
            self.acted = self.step

    def act(self, step: int, logs: Logs) -> None:
        """Acts after a step.

        Args:
            step: The number of the step, from 1.
            logs: The step's terms.
        """
        raise NotImplementedError

    def validated(self, step: int, phase: str, values: Mapping[str, float], grid: Path) -> None:
        """Called after each validation.

        Args:
            step: The step after which the generator was validated.
            phase: The phase of that step.
            values: The validation's curves {name: value}.
            grid: The path of its image grid.
        """

    def warned(self, text: str) -> None:
        """Called with each warning of the run, from any thread."""


class PacedCallback(RunCallback):
    """A callback that also counts every step, so that `self.pace` knows the rate since its last reading."""

    def __init__(self, every: int, pace: Pace | None = None) -> None:
        super().__init__(every)
        self.pace = pace or Pace()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restarts the pace when a phase begins."""
        super().on_train_begin(logs)
        self.pace.restart()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Counts the step before acting on it."""
        self.pace.count()
        super().on_train_batch_end(batch, logs)


class Console(PacedCallback):
    """One line of terms every few steps: `step 40/2400 adversarial 3.1 steps/s  ends in 13 min  content 0.21 ...`.

    Args:
        every: Steps between two lines.
        steps: All steps of the run.
        pretrain_steps: Those of the pre-training.
        show: Receives each line.
    """

    def __init__(self, every: int, steps: int, pretrain_steps: int, show: Show) -> None:
        super().__init__(every)
        self.steps, self.pretrain_steps, self.show = steps, pretrain_steps, show

    def act(self, step: int, logs: Logs) -> None:
        """Shows the line."""
        rate = self.pace.read()
        parts = [f"step {step}/{self.steps} {self.model.phase} {rate:.2f} steps/s"]
        parts += filter(None, [remaining(step, rate, self.steps, self.pretrain_steps)])
        self.show("  ".join([*parts, *(f"{name} {float(value):.4g}" for name, value in logs.items())]))

    def warned(self, text: str) -> None:
        """Shows the warning."""
        self.show(text)


class Scalars(RunCallback):
    """Writes every term to TensorBoard.

    Args:
        every: Steps between two entries.
        folder: TensorBoard's log folder.
    """

    def __init__(self, every: int, folder: str | os.PathLike[str]) -> None:
        super().__init__(every)
        self._writer = tf.summary.create_file_writer(str(folder))

    def act(self, step: int, logs: Logs) -> None:
        """Writes the step's terms under its phase."""
        with self._writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(f"{self.model.phase}/{name}", value)
        self._writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Flushes the buffer."""
        self._writer.flush()


class Checkpoints(RunCallback):
    """Saves the run's state, and its deployed generator beside it.

    Args:
        every: Steps between two saves.
        folder: The run folder.
        metadata: Header entries of `generator.h5`.
        save_state: Writes the state of a trainer.
    """

    def __init__(
        self, every: int, folder: Path, metadata: Mapping[str, Any], save_state: Callable[[GanTrainer], object]
    ) -> None:
        super().__init__(every)
        self.folder, self.metadata, self._save_state = folder, metadata, save_state

    def act(self, step: int, logs: Logs) -> None:
        """Saves."""
        self.save(self.model)

    def save(self, trainer: GanTrainer) -> None:
        """Writes the state and `generator.h5`, each as a whole or not at all.

        Args:
            trainer: The trainer to save.

        Raises:
            UserError: The run folder cannot be written to.
        """
        step = trainer.steps_done
        try:
            self._save_state(trainer)
            save_generator(self.folder / "generator.h5", trainer.deployed, {**self.metadata, "step": step})
        except OSError as error:
            raise UserError(
                f"step {step} cannot be saved in {str(self.folder)!r} ({error}); make room, then --resume"
            ) from error


class StopOnSignal(tf.keras.callbacks.Callback):
    """Ends the run after the step in progress on Ctrl-C, SIGTERM or SIGHUP; a second signal ends it at once.

    A second SIGHUP does not: the shell and the system each send one when a terminal is closed. Where SIGHUP was ignored
    before, as under `nohup`, it stays so.

    Args:
        total: Adds up a list of counts over the processes of a run. All of them stop when one of them gets a signal.
    """

    def __init__(self, total: Callable[[list[int]], Iterable[int]] = lambda counts: counts) -> None:
        super().__init__()
        self.received: int | None = None
        self._total = total
        self._previous: dict[signal.Signals, Any] = {}  # what `signal.signal` returned

    @contextlib.contextmanager
    def installed(self) -> Iterator[StopOnSignal]:
        """Handles the signals within a `with` block, which must run in the main thread."""
        for number in _STOPPING:
            if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._receive)
        try:
            yield self
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Makes `fit` stop after this step if a signal was received."""
        if self.asked() is not None:
            self.model.stop_training = True

    def asked(self) -> int | None:
        """The signal that any process of the run received, or None.

        All processes must call it at the same points of the run.
        """
        counts = self._total([int(self.received == number) for number in _STOPPING])
        return next((number for number, count in zip(_STOPPING, counts) if count), None)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
        elif number != _HANGUP:
            raise KeyboardInterrupt
