"""The warning that a discriminator has won: it sees through everything, and the generator learns nothing from it."""

from __future__ import annotations

from collections import deque

import numpy as np
import tensorflow as tf

from animegan3_tf.training.callbacks import RunCallback

WINDOW = 400
NEAR_ZERO = 0.05  # of the loss of a discriminator that cannot tell
FALLING = 0.99  # what the newer half of a window must come below, of the older one, to count as falling
_REMEDIES = (
    "What usually helps: a lower train.discriminator_learning_rate or a higher loss.support_generator (both with "
    "--resume --override), or more, and more varied, anime pictures"
)


class Dominance(RunCallback):
    """Warns when the support discriminator's loss is near zero while the style terms have ceased to fall.

    Both over the last `window` steps of the adversarial phase; told once until the discriminator errs again.

    undecided: the support discriminator's loss where it gives the same answer to everything, see `undecided_loss`.
    warn: receives the line. window: steps.
    """

    def __init__(self, undecided, warn, window=WINDOW):
        super().__init__(every=1)
        self.undecided, self._warn, self._window = undecided, warn, window
        self._losses, self._styles = deque(maxlen=window), deque(maxlen=window)
        self._told = False

    def act(self, step, logs):
        """Takes the step's terms in, and warns."""
        if "discriminator_support" not in logs:
            return
        self._losses.append(float(logs["discriminator_support"]))
        self._styles.append(sum(float(value) for name, value in logs.items() if name.startswith("style_")))
        if len(self._losses) < self._window:
            return
        share = np.mean(self._losses) / self.undecided
        if share >= NEAR_ZERO:
            self._told = False
            return
        older, newer = np.split(np.array(self._styles), [self._window // 2])
        if self._told or newer.mean() < FALLING * older.mean():
            return
        self._told = True
        self._warn(
            f"step {step}: the support discriminator has won: over {self._window} steps its loss was {share:.1%} of an "
            f"undecided one's, and the style terms no longer fall ({older.mean():.3g}, then {newer.mean():.3g}). "
            f"{_REMEDIES}"
        )


def undecided_loss(objective):
    """The least loss of a support discriminator that answers everything alike, under an objective's style."""
    answers = (tf.fill([1, 1, 1, 1], answer) for answer in np.linspace(-1.5, 1.5, 61, dtype=np.float32))
    return float(min(objective.answering_alike(answer) for answer in answers))
