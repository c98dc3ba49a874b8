"""What trains each generation: the trainer, and the generator as it is trained."""

from animegan3_tf.networks import build_generator
from animegan3_tf.networks.weights import build_deployed
from animegan3_tf.training.single_tail import SingleTailTrainer
from animegan3_tf.training.trainer import Trainer

TRAINERS = {"animegan1": SingleTailTrainer, "animegan2": SingleTailTrainer, "animegan3": Trainer}


def build_trained_generator(style):
    """A generator with all the tails that a style trains."""
    if TRAINERS[style.generator] is Trainer:
        return build_generator(resize=style.train.resize)
    return build_deployed(style.generator, style.train.resize)
