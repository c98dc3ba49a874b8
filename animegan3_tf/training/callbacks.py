"""What happens between training steps: the console, TensorBoard, checkpoints, and stopping in time."""

import contextlib
import signal

import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.networks import save_generator
from animegan3_tf.training.pace import Pace, remaining

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class RunCallback(tf.keras.callbacks.Callback):
    """A callback that acts every so many steps of the run, counted over both phases and over resumed parts."""

    def __init__(self, every):
        super().__init__()
        self.every = every
        self.step = 0  # the last one done: counted here, to leave the device alone
        self.acted = None  # the last step it acted on

    def on_train_begin(self, logs=None):
        """A phase begins."""
        self.step = self.model.steps_done

    def on_train_batch_end(self, batch, logs=None):
        """Calls `act` on steps that are multiples of `every`."""
        self.step += 1
        if self.step % self.every == 0:
            self.act(self.step, logs or {})
            self.acted = self.step

    def act(self, step, logs):
        """What to do after step `step`."""
        raise NotImplementedError

    def validated(self, step, phase, values, grid):
        """Called after a validation of step `step`: its curves {name: value}, and the path of its picture grid."""

    def warned(self, text):
        """Called for each warning of the run, from any thread."""


class PacedCallback(RunCallback):
    """A callback that also counts every step, for `self.pace` to tell the rate since it was last read."""

    def __init__(self, every, pace=None):
        super().__init__(every)
        self.pace = pace or Pace()

    def on_train_begin(self, logs=None):
        """A phase begins."""
        super().on_train_begin(logs)
        self.pace.restart()

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step before acting on it."""
        self.pace.count()
        super().on_train_batch_end(batch, logs)


class Console(PacedCallback):
    """One line of terms every few steps: `step 40/2400 adversarial 3.1 steps/s  ends in 13 min  content 0.21 ...`."""

    def __init__(self, every, steps, pretrain_steps, show):
        super().__init__(every)
        self.steps, self.pretrain_steps, self.show = steps, pretrain_steps, show

    def act(self, step, logs):
        """Shows the line."""
        rate = self.pace.read()
        parts = [f"step {step}/{self.steps} {self.model.phase} {rate:.2f} steps/s"]
        parts += filter(None, [remaining(step, rate, self.steps, self.pretrain_steps)])
        self.show("  ".join([*parts, *(f"{name} {float(value):.4g}" for name, value in logs.items())]))

    def warned(self, text):
        """Shows the warning."""
        self.show(text)


class Scalars(RunCallback):
    """Every term in TensorBoard."""

    def __init__(self, every, folder):
        super().__init__(every)
        self._writer = tf.summary.create_file_writer(str(folder))

    def act(self, step, logs):
        """Writes the step's terms under its phase."""
        with self._writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(f"{self.model.phase}/{name}", value)
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Leaves nothing in the buffer."""
        self._writer.flush()


class Checkpoints(RunCallback):
    """The run's state, and its deployed generator beside it.

    metadata: header entries of generator.h5. save_state: writes the state of a trainer.
    """

    def __init__(self, every, folder, metadata, save_state):
        super().__init__(every)
        self.folder, self.metadata, self._save_state = folder, metadata, save_state

    def act(self, step, logs):
        """Saves."""
        self.save(self.model)

    def save(self, trainer):
        """Writes the state and `generator.h5`, each whole or not at all."""
        step = trainer.steps_done
        try:
            self._save_state(trainer)
            save_generator(self.folder / "generator.h5", trainer.deployed, {**self.metadata, "step": step})
        except OSError as error:
            raise UserError(
                f"step {step} cannot be saved in {str(self.folder)!r} ({error}); make room, then --resume"
            ) from error


class StopOnSignal(tf.keras.callbacks.Callback):
    """Ends the run after the step in progress on Ctrl-C or SIGTERM; a second Ctrl-C ends it at once.

    total: adds up a list of counts over the processes of a run, all of which stop when one of them is told to.
    """

    def __init__(self, total=lambda counts: counts):
        super().__init__()
        self.received = None
        self._total = total
        self._previous = {}

    @contextlib.contextmanager
    def installed(self):
        """Takes the signals over for the time of a `with` block, in the main thread."""
        for number in _STOPPING:
            self._previous[number] = signal.signal(number, self._receive)
        try:
            yield self
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def on_train_batch_end(self, batch, logs=None):
        """Tells `fit` to stop."""
        if self.asked() is not None:
            self.model.stop_training = True

    def asked(self):
        """The signal that any process of the run received, or None; all of them call it at the same points."""
        counts = self._total([int(self.received == number) for number in _STOPPING])
        return next((number for number, count in zip(_STOPPING, counts) if count), None)

    def _receive(self, number, frame):
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
