"""The guard: no step whose losses, gradients or learning rates are not finite goes by unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Failure:
    """What a step that was not finite saw: its number (from 0), its values by name, and its batch by name."""

    step: int
    values: dict[str, float]
    batch: dict[str, np.ndarray]

    @property
    def causes(self):
        """The names of the values that are NaN or infinite."""
        return [name for name, value in self.values.items() if not np.isfinite(value)]

    @property
    def broken_pictures(self):
        """The names of the batch's parts that hold NaN or infinite numbers."""
        return [name for name, pictures in self.batch.items() if not np.isfinite(pictures).all()]


class Guard:
    """Checks every step in the graph and ends it with an error at the first value that is not finite.

    On a sound step it costs one reduction of a few scalars and nothing waits for it; only on a broken one the batch
    goes to the host, where `failure` keeps it. The error that ends the step is a `tf.errors.OpError`, in eager mode
    a FloatingPointError.
    """

    def __init__(self):
        self.failure: Failure | None = None

    def check(self, step, values, batch):
        """Adds the check to the graph. step: scalar. values: {name: scalar}. batch: {name: tensor}."""
        names, parts = list(values), list(batch)
        numbers = tf.stack([tf.cast(value, tf.float32) for value in values.values()])

        def stop(step, numbers, *pictures):
            failure = Failure(int(step), dict(zip(names, numbers.tolist())), dict(zip(parts, pictures)))
            # each of several devices comes here with its share of the batch: the one that tells most is kept
            if self.failure is None or failure.broken_pictures:
                self.failure = failure
            raise FloatingPointError(f"step {int(step) + 1}: {', '.join(failure.causes)}")

        def report():
            tf.numpy_function(stop, [step, numbers, *batch.values()], [])
            return False

        tf.cond(tf.reduce_all(tf.math.is_finite(numbers)), lambda: True, report)
