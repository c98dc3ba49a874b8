"""The warning that a discriminator has won: it recognises every generated image, so the generator learns nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.training.callbacks import Logs, RunCallback

if TYPE_CHECKING:
    from animegan3_tf.training.objective import Objective
    from animegan3_tf.training.single_tail_objective import SingleTailObjective

WINDOW = 400
NEAR_ZERO = 0.05  # share of the loss of a discriminator that gives every image the same answer
FALLING = 0.99  # the style terms fall where the mean of a window's newer half is below this share of the older half's
_REMEDIES = (
    "Possible remedies: a lower train.discriminator_learning_rate or a higher loss.support_generator (both with "
    "--resume --override), or more, and more varied, anime images"
)


class Dominance(RunCallback):
    """Warns when the support discriminator's loss is near zero while the style terms have ceased to fall.

    Both are means over the last `window` steps of the adversarial phase. It warns once, and again only after the
    discriminator's loss has risen in between.

    Args:
        undecided: The support discriminator's loss where it gives every image the same answer, see `undecided_loss`.
        warn: Receives the warning.
        window: The number of steps.
    """

    def __init__(self, undecided: float, warn: Callable[[str], object], window: int = WINDOW) -> None:
        super().__init__(every=1)
        self.undecided, self._warn, self._window = undecided, warn, window
        self._losses: deque[float] = deque(maxlen=window)
        self._styles: deque[float] = deque(maxlen=window)
        self._has_warned = False

    def act(self, step: int, logs: Logs) -> None:
        """Records the step's terms and warns where it must."""
        if "discriminator_support" not in logs:
            return
        self._losses.append(float(logs["discriminator_support"]))
        self._styles.append(sum(float(value) for name, value in logs.items() if name.startswith("style_")))
        if len(self._losses) < self._window:
            return
        share = np.mean(self._losses) / self.undecided
        if share >= NEAR_ZERO:
            self._has_warned = False
            return
        older, newer = np.split(np.array(self._styles), [self._window // 2])
        if self._has_warned or newer.mean() < FALLING * older.mean():
            return
        self._has_warned = True
        self._warn(
            f"step {step}: the support discriminator has won: over {self._window} steps its loss was {share:.1%} of "
            "that of a discriminator which gives every image the same answer, and the style terms no longer fall "
            f"({older.mean():.3g}, then {newer.mean():.3g}). {_REMEDIES}"
        )


def undecided_loss(objective: Objective | SingleTailObjective) -> float:
    """Returns the least loss that a support discriminator reaches with the same answer to every image.

    Args:
        objective: The losses of a run; constant answers from -1.5 to 1.5 are tried.
    """
    answers = (tf.fill([1, 1, 1, 1], answer) for answer in np.linspace(-1.5, 1.5, 61, dtype=np.float32))
    return float(min(objective.answering_alike(answer) for answer in answers))
