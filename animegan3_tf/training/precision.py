"""Half precision: the policies, and the loss scaling that float16 needs because of its small range."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from animegan3_tf.common.errors import UserError

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


def half_precision() -> str:
    """Returns the half-precision policy for this machine: float16 on a GPU, bfloat16 on a CPU (no float16 units)."""
    return "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Sets Keras' mixed precision policy for layers that are built in the `with` block.

    Weights stay float32, and so do LADE's moments, the attention's softmax, Gram matrices, distances and filters.

    Args:
        name: One of `POLICIES`.

    Raises:
        UserError: `name` is not one of them.
    """
    if name not in POLICIES:
        raise UserError(f"precision is {name!r}; it must be one of {', '.join(POLICIES)}")
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def with_loss_scaling(optimizer: tf.keras.optimizers.Optimizer) -> tf.keras.optimizers.Optimizer:
    """Wraps the optimizer in loss scaling under a float16 policy, whose gradients would vanish without it."""
    if tf.keras.mixed_precision.global_policy().compute_dtype == "float16":
        return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def scaled_gradients(
    optimizer: tf.keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[tf.Variable | tf.Tensor],
    weight: float = 1.0,
) -> list[tf.Tensor]:
    """Computes the gradients of `weight * loss`, through the optimizer's loss scale where it has one.

    Args:
        optimizer: Its loss scale is used.
        tape: The tape that recorded the loss.
        loss: Scalar.
        variables: What to differentiate by.
        weight: Factor on the loss.

    Returns:
        The unscaled gradient by each variable.
    """
    weight = tf.constant(weight, loss.dtype)
    if not _scales(optimizer):
        return tape.gradient(loss, variables, output_gradients=weight)
    gradients = tape.gradient(loss, variables, output_gradients=optimizer.get_scaled_loss(weight))
    return optimizer.get_unscaled_gradients(gradients)


def tolerated(optimizer: tf.keras.optimizers.Optimizer, norm: tf.Tensor) -> tf.Tensor:
    """Returns a gradient norm for the guard: 0 for an overflow that a smaller loss scale can still cure."""
    if not _scales(optimizer):
        return norm
    curable = tf.logical_and(optimizer.loss_scale > 1.0, tf.logical_not(tf.math.is_finite(norm)))
    return tf.where(curable, 0.0, norm)


def scaling_variables(optimizer: tf.keras.optimizers.Optimizer) -> dict[str, tf.Variable]:
    """Returns the variables of the loss scale for a run's state, {name: variable}; empty without one."""
    if not _scales(optimizer):
        return {}
    # Keras 2.15 shows the counter but not the variable behind `loss_scale`
    return {"loss_scale": optimizer._loss_scale.current_loss_scale, "counter": optimizer.dynamic_counter}


def _scales(optimizer: tf.keras.optimizers.Optimizer) -> bool:
    return isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
