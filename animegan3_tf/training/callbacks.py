"""What happens between training steps: the console, TensorBoard, picture grids, checkpoints, and stopping in time."""

import contextlib
import signal
import time

import numpy as np
import tensorflow as tf

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.networks import save_generator


class RunCallback(tf.keras.callbacks.Callback):
    """A callback that acts every so many steps of the run, counted over both phases and over resumed parts."""

    def __init__(self, every):
        super().__init__()
        self.every = every
        self.acted = None  # the last step it acted on

    def on_train_batch_end(self, batch, logs=None):
        """Calls `act` on steps that are multiples of `every`."""
        step = int(self.model.step)
        if step % self.every == 0:
            self.act(step, logs or {})
            self.acted = step

    def act(self, step, logs):
        """What to do after step `step`."""
        raise NotImplementedError


class Console(RunCallback):
    """One line of terms every few steps: `step 40/2400 adversarial 3.1 steps/s  content 0.21 ...`."""

    def __init__(self, every, total, show):
        super().__init__(every)
        self.total, self.show = total, show
        self._since, self._counted = time.monotonic(), 0

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step; the rate is over the steps since the last line."""
        self._counted += 1
        super().on_train_batch_end(batch, logs)

    def act(self, step, logs):
        """Shows the line."""
        rate = self._counted / max(time.monotonic() - self._since, 1e-9)
        self._since, self._counted = time.monotonic(), 0
        terms = "  ".join(f"{name} {float(value):.4g}" for name, value in logs.items())
        self.show(f"step {step}/{self.total} {self.model.phase} {rate:.2f} steps/s  {terms}")


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


class Samples(RunCallback):
    """A picture grid, rows of photo | support | main of the averaged generator, as PNG and in TensorBoard.

    photos: uint8 [N, H, W, 3], H and W multiples of 8.
    """

    def __init__(self, every, photos, folder, log_folder):
        super().__init__(every)
        self.photos, self.folder = photos, folder
        self._writer = tf.summary.create_file_writer(str(log_folder))

    def act(self, step, logs):
        """Draws and writes the grid."""
        self.draw(self.model, step)

    def draw(self, trainer, step):
        """Writes `<step>.png`."""
        rows = []
        for photo in self.photos:  # one by one: a grid must not need more memory than a step
            tails = trainer(tf.constant(photo[None], tf.float32) / 127.5 - 1.0)
            rows.append([photo, *(to_levels(tails[tail][0]) for tail in ("support", "main"))])
        picture = images.grid(rows)
        images.write_image(self.path(step), picture)
        with self._writer.as_default(step=step):
            tf.summary.image("photo, support, main", picture[None])
        self._writer.flush()

    def path(self, step):
        """Where a step's grid lies."""
        return self.folder / f"{step:06d}.png"


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
        step = int(trainer.step)
        try:
            self._save_state(trainer)
            save_generator(self.folder / "generator.h5", trainer.average, {**self.metadata, "step": step})
        except OSError as error:
            raise UserError(
                f"step {step} cannot be saved in {str(self.folder)!r} ({error}); make room, then --resume"
            ) from error


class StopOnSignal(tf.keras.callbacks.Callback):
    """Ends the run after the step in progress on Ctrl-C or SIGTERM; a second Ctrl-C ends it at once."""

    def __init__(self):
        super().__init__()
        self.received = None
        self._previous = {}

    @contextlib.contextmanager
    def installed(self):
        """Takes the signals over for the time of a `with` block, in the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._receive)
        try:
            yield self
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def on_train_batch_end(self, batch, logs=None):
        """Tells `fit` to stop."""
        if self.received is not None:
            self.model.stop_training = True

    def _receive(self, number, frame):
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number


class StopOnNonFinite(tf.keras.callbacks.Callback):
    """Ends the run with a UserError at the first loss that is NaN or infinite; stands before what saves or draws."""

    def on_train_batch_end(self, batch, logs=None):
        """Looks at every term, not at `loss` alone."""
        terms = [name for name, value in (logs or {}).items() if not np.isfinite(value)]
        if terms:  # `stop_training` would let the callbacks after this one save the step
            raise UserError(
                f"step {int(self.model.step)}: {', '.join(terms)} became NaN or infinite and the run stopped; "
                "start a new one with a lower learning rate, or look for a broken picture"
            )


def to_levels(picture):
    """A float picture [H, W, 3] in [-1, 1] as uint8."""
    return np.rint((np.asarray(picture) + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
