"""Trainers of a few dozen numbers, for the tests of what is saved of one."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf


def network(name, units=3):
    picture = tf.keras.Input([2])
    x = tf.keras.layers.Dense(units, name=f"{name}_dense")(picture)
    return tf.keras.Model(picture, tf.keras.layers.BatchNormalization(name=f"{name}_norm")(x))


class TinyTrainer(SimpleNamespace):
    @staticmethod
    def local_value(variable):
        return variable.numpy()

    @staticmethod
    def set_value(variable, value):
        variable.assign(value)


def trainer(seed, units=3):
    """What `snapshot` asks of a trainer, with every number at random."""
    parts = {p: network(p, units) for p in ("generator", "average", "support_discriminator", "main_discriminator")}
    for part in ("pretrain", "generator", "discriminator"):
        optimizer = parts[f"{part}_optimizer"] = tf.keras.optimizers.Adam(1e-3)
        optimizer.build(parts["generator" if part != "discriminator" else "main_discriminator"].trainable_variables)
    made = TinyTrainer(step=tf.Variable(seed, dtype=tf.int64), **parts)
    rng = np.random.default_rng(seed)
    for variable in variables(made):
        if tf.as_dtype(variable.dtype).is_floating:
            variable.assign(rng.random(variable.shape))
    return made


def variables(made):
    """Every variable of a trainer but the learning rates, which Keras 3 keeps in one and no state holds."""
    found = [v for part in vars(made).values() for v in getattr(part, "weights", getattr(part, "variables", [part]))]
    return [variable for variable in found if variable.name != "learning_rate"]
