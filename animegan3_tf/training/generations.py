"""The trainer of each generation, and the generator as it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animegan3_tf.networks import build_generator
from animegan3_tf.networks.weights import build_deployed
from animegan3_tf.training.single_tail import SingleTailTrainer
from animegan3_tf.training.trainer import Trainer

if TYPE_CHECKING:
    import tensorflow as tf

    from animegan3_tf.styles import Style

TRAINERS = {"animegan1": SingleTailTrainer, "animegan2": SingleTailTrainer, "animegan3": Trainer}


def build_trained_generator(style: Style) -> tf.keras.Model:
    """Builds a generator with all the tails that an unpaired style trains."""
    if TRAINERS[style.generator] is Trainer:
        return build_generator(resize=style.train.resize)
    return build_deployed(style.generator, style.train.resize)
