"""A generator that has collapsed, which draws one colour or cannot learn any more: found, told, and stopped."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.callbacks import Logs, RunCallback, Show
from animegan3_tf.training.run_files import state_name, states, step_of

CONTRAST = "contrast"  # the term
PATIENCE = 100  # steps
_ONE_COLOUR = 2 / 255  # contrast of pictures of one colour: less than a level of 256
_GRADIENTS = ("pretrain_gradient", "generator_gradient")  # of which a phase has one
_REMEDIES = (
    "a lower learning rate (--set train.generator_learning_rate=..., train.pretrain_learning_rate=...), training "
    "without --mixed-precision, or lower weights of the terms that grew; --keep-going goes on regardless"
)


def contrast(photo: tf.Tensor, picture: tf.Tensor) -> tf.Tensor:
    """Computes how far the pixels of a generator's pictures differ.

    Args:
        photo: Float [N, H, W, 3] in [-1, 1].
        picture: What the generator made of the photos.

    Returns:
        Scalar, the mean over the pictures of the standard deviation of the channel where it is largest, in [0, 1]. A
        picture of a photo of nearly one colour may well be of one colour, and counts as 1.
    """
    blank = _deviation(photo) < 4 * _ONE_COLOUR
    return tf.reduce_mean(tf.where(blank, 1.0, _deviation(picture)))


def _deviation(images: tf.Tensor) -> tf.Tensor:
    """[N], that of the channel where it is largest."""
    return tf.reduce_max(tf.math.reduce_std(tf.cast(images, tf.float32), axis=[1, 2]), axis=-1)


class Collapse(RunCallback):
    """Warns of a collapse that lasts, and ends the run if it does not end.

    In each step of a collapse the generator's gradient is 0, or all its pictures are of one colour. The values are
    those of the whole batch, so that every process of a run decides alike.

    Args:
        folder: The run folder.
        warn: Receives the warning.
        keep_going: Only warn.
        patience: The number of steps that a collapse may last; the warning comes after a third of them.

    Attributes:
        said: The warning of a collapse that lasts, else "".
    """

    def __init__(self, folder: Path, warn: Show, keep_going: bool = False, patience: int = PATIENCE) -> None:
        super().__init__(every=1)
        self.said = ""
        self._folder, self._warn, self._keep_going, self._patience = folder, warn, keep_going, patience
        self._first: int | None = None  # the first step of a collapse
        self._start: int | None = None  # the first step that this process did

    def act(self, step: int, logs: Logs) -> None:
        """Counts a step of a collapse; any other step ends it."""
        self._start = step if self._start is None else self._start
        signs = {
            "its gradient was 0": any(float(logs[name]) == 0 for name in _GRADIENTS if name in logs),
            "it drew one colour": CONTRAST in logs and float(logs[CONTRAST]) < _ONE_COLOUR,
        }
        if not any(signs.values()):
            self._first, self.said = None, ""
            return
        self._first = step if self._first is None else self._first
        lasted, seen = step - self._first + 1, " and ".join(sign for sign, there in signs.items() if there)
        if not self.said and lasted >= self._patience / 3:
            self.said = f"step {step}: the generator has collapsed: since step {self._first} {seen}"
            going = (
                "" if self._keep_going else f"; the run stops at step {self._first + self._patience - 1} if it lasts"
            )
            self._warn(f"WARNING: {self.said}{going}")
        if lasted >= self._patience and not self._keep_going:
            raise UserError(
                f"step {step}: the generator has collapsed: for {lasted} steps {seen}, and the run stopped; "
                f"{self._way_back()}. Possible remedies: {_REMEDIES}"
            )

    def _way_back(self) -> str:
        assert self._first is not None  # `act` has set it
        sound = [step for step in map(step_of, states(self._folder)) if step < self._first]
        if not sound or self._first == self._start:  # a run that is resumed may have collapsed in its earlier part
            return "no state is known to be from before that, so start again"
        return f"remove the states after {state_name(sound[-1])!r}, which is from before that, then --resume --override"
