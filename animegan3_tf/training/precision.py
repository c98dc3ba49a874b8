"""Half precision: the policies, and the loss scaling that float16's small range asks for."""

import contextlib

import tensorflow as tf

from animegan3_tf.errors import UserError

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


def half_precision():
    """The half-precision policy for this machine: float16 on a GPU, bfloat16 on a CPU, which has no float16 units."""
    return "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


@contextlib.contextmanager
def policy(name):
    """Layers that are built in the `with` block compute as Keras' mixed precision policy `name` says.

    Weights stay float32, and so do LADE's moments, the attention's softmax, Gram matrices, distances and filters.
    """
    if name not in POLICIES:
        raise UserError(f"precision is {name!r}; it must be one of {', '.join(POLICIES)}")
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def with_loss_scaling(optimizer):
    """The optimizer as the current policy needs it: float16's gradients would vanish without a scale on the loss."""
    if tf.keras.mixed_precision.global_policy().compute_dtype == "float16":
        return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def scaled_gradients(optimizer, tape, loss, variables, weight=1.0):
    """Gradients of `weight * loss`, through the optimizer's loss scale where it has one."""
    weight = tf.constant(weight, loss.dtype)
    if not _scales(optimizer):
        return tape.gradient(loss, variables, output_gradients=weight)
    gradients = tape.gradient(loss, variables, output_gradients=optimizer.get_scaled_loss(weight))
    return optimizer.get_unscaled_gradients(gradients)


def tolerated(optimizer, norm):
    """A gradient norm as the guard should see it: an overflow that the loss scale can still cure counts as 0."""
    if not _scales(optimizer):
        return norm
    curable = tf.logical_and(optimizer.loss_scale > 1.0, tf.logical_not(tf.math.is_finite(norm)))
    return tf.where(curable, 0.0, norm)


def scaling_variables(optimizer):
    """What a run's state must hold of the loss scale, {name: variable}; {} without one."""
    if not _scales(optimizer):
        return {}
    # Keras 2.15 shows the counter but not the variable behind `loss_scale`
    return {"loss_scale": optimizer._loss_scale.current_loss_scale, "counter": optimizer.dynamic_counter}


def _scales(optimizer):
    return isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
