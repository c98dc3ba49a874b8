"""The two-phase training of AnimeGAN and AnimeGANv2 as a Keras model."""

import tensorflow as tf

from animegan3_tf.networks import animegan1, animegan2
from animegan3_tf.training.feature_terms import gray
from animegan3_tf.training.gan_trainer import GanTrainer, total
from animegan3_tf.training.single_tail_objective import SingleTailObjective

NETWORKS = {"animegan1": animegan1, "animegan2": animegan2}


class SingleTailTrainer(GanTrainer):
    """Generator with one tail, its average, one discriminator, their optimizers and the step count.

    Arguments are those of `Trainer`; these generations have no region target, so `region_target` is None.

    Batches are {photo, anime, anime_smooth}. Both players learn from one forward pass, as `Trainer`'s do; upstream
    updates the discriminator first and has the new one judge the same photos.
    """

    def __init__(self, style, network, region_target=None, accumulate=1, jit=(), plain=None):
        module, resize = NETWORKS[style.generator], style.train.resize
        networks = {
            "generator": module.build_generator(resize),
            "average": module.build_generator(resize),
            "support_discriminator": module.build_discriminator("support_discriminator"),
        }
        super().__init__(style, network, networks, SingleTailObjective, accumulate, jit, plain)
        self._judge = self._as_called(self.support_discriminator)

    def _pretraining(self, batch):
        """Losses and gradients of the content phase: ({term: scalar}, {"pretrain": gradients})."""
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            terms = self.objective.pretraining(photo, self._draw(photo, training=True))
            loss = total(terms)
        return {"loss": loss, **terms}, {"pretrain": self._gradients("pretrain", tape, loss)}

    def _adversarial(self, batch):
        """Losses and gradients of both players: ({term: scalar}, {"generator": ..., "discriminator": ...})."""
        photo, anime, anime_gray = batch["photo"], batch["anime"], gray(batch["anime"])
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            fake = self._draw(photo, training=True)
            # 2. features that carry no gradient
            with tape.stop_recording():
                constant = self.objective.constant_features(photo=photo, anime_gray=anime_gray)
            # 3. the discriminator's answers; those to the fakes serve both players
            with tf.GradientTape() as critic_tape:
                logits = self._judge(fake, training=False)
                others = tf.concat([anime, anime_gray, gray(batch["anime_smooth"])], axis=0)
                real, real_gray, edges = tf.split(self._judge(others, training=False), 3, axis=0)
                critic_terms = self.objective.discriminator(real, real_gray, logits, edges)
                critic_loss = total(critic_terms)
            # 4. losses and gradients
            terms = self.objective.generator(photo, fake, constant, logits)
            loss = total(terms)
        gradients = {
            "generator": self._gradients("generator", tape, loss),
            "discriminator": self._gradients("discriminator", critic_tape, critic_loss),
        }
        return {"loss": loss, **terms, **critic_terms}, gradients
