"""The guard: it ends the run at the first step whose losses, gradients or learning rates are not finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf


@dataclass(frozen=True)
class Failure:
    """A step that was not finite.

    Attributes:
        step: Its number, from 0.
        values: {name: value} of its loss terms, gradient norms and learning rates.
        batch: {name: float [N, H, W, 3]} as the networks got it, or a device's share of it.
    """

    step: int
    values: dict[str, float]
    batch: dict[str, np.ndarray]

    @property
    def causes(self) -> list[str]:
        """The names of the values that are NaN or infinite."""
        return [name for name, value in self.values.items() if not np.isfinite(value)]

    @property
    def broken_images(self) -> list[str]:
        """The names of the batch's parts that hold NaN or infinite values."""
        return [name for name, images in self.batch.items() if not np.isfinite(images).all()]


class Guard:
    """Checks every step in the graph and ends it with an error at the first value that is not finite.

    A sound step costs one reduction of a few scalars, and nothing waits for it. Only a broken step copies its batch to
    the host. The error that ends the step is a `tf.errors.OpError`, in eager mode a FloatingPointError.

    Attributes:
        failure: The broken step, or None so far.
    """

    def __init__(self) -> None:
        self.failure: Failure | None = None

    def check(
        self, step: tf.Tensor | tf.Variable, values: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
    ) -> None:
        """Adds the check to the graph.

        Args:
            step: Integer scalar, the number of the step from 0.
            values: {name: scalar} to check.
            batch: {name: float [N, H, W, 3]} to keep if a value is not finite.
        """
        names, parts = list(values), list(batch)
        numbers = tf.stack([tf.cast(value, tf.float32) for value in values.values()])

        def stop(step: np.ndarray, numbers: np.ndarray, *images: np.ndarray) -> None:
            failure = Failure(int(step), dict(zip(names, numbers.tolist())), dict(zip(parts, images)))
            # each of several devices comes here with its share of the batch: one with broken images explains most
            if self.failure is None or failure.broken_images:
                self.failure = failure
            raise FloatingPointError(f"step {int(step) + 1}: {', '.join(failure.causes)}")

        def report() -> bool:
            tf.numpy_function(stop, [step, numbers, *batch.values()], [])
            return False

        tf.cond(tf.reduce_all(tf.math.is_finite(numbers)), lambda: True, report)
