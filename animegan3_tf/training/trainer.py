"""The two-phase training of AnimeGANv3 as a Keras model."""

import tensorflow as tf

from animegan3_tf.filters import nl_means
from animegan3_tf.networks import build_discriminator, build_generator
from animegan3_tf.training.feature_terms import gray
from animegan3_tf.training.gan_trainer import GanTrainer, compiled, total
from animegan3_tf.training.objective import Objective
from animegan3_tf.training.targets import guide, revision_target


class Trainer(GanTrainer):
    """Generator with two tails, its average, two discriminators, their optimizers and the step count.

    region_target: graph function from the support pictures to their region target (`training.targets.region_target`).
    jit: what XLA compiles, of "nl_means" and "networks". All else as for `GanTrainer`.

    Batches are {photo, photo_region, anime, anime_smooth}.
    """

    def __init__(self, style, network, region_target, accumulate=1, jit=(), plain=None):
        resize = style.train.resize
        networks = {
            "generator": build_generator(resize=resize),
            "average": build_generator(resize=resize),
            "support_discriminator": build_discriminator(name="support_discriminator"),
            "main_discriminator": build_discriminator(name="main_discriminator"),
        }
        super().__init__(style, network, networks, Objective, accumulate, jit, plain)
        self.region_target = region_target
        self._denoise = compiled(nl_means) if "nl_means" in jit else nl_means
        self._judge_support = self._as_called(self.support_discriminator)
        self._judge_main = self._as_called(self.main_discriminator)

    def _pretraining(self, batch):
        """Losses and gradients of the content phase: ({term: scalar}, {"pretrain": gradients})."""
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            tails = self._draw(photo, training=True)
            terms = self.objective.pretraining(photo, guide(self.style.target, tails["support"]), tails["main"])
            loss = total(terms)
        return {"loss": loss, **terms}, {"pretrain": self._gradients("pretrain", tape, loss)}

    def _adversarial(self, batch):
        """Losses and gradients of both players: ({term: scalar}, {"generator": ..., "discriminator": ...})."""
        target, anime = self.style.target, gray(batch["anime"])
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            tails = self._draw(batch["photo"], training=True)
            support, main = guide(target, tails["support"]), tails["main"]
            # 2. targets from its own pictures, and all features that carry no gradient
            with tape.stop_recording():
                revision = revision_target(target, tails["support"], self._denoise)
                constant = self.objective.constant_features(
                    photo=batch["photo"], photo_region=batch["photo_region"], revision=revision, anime_gray=anime
                )
                # on its own: superpixels come from other processes, and all the rest can go on meanwhile
                constant |= self.objective.constant_features(fake_region=self.region_target(support))
            # 3. the discriminators' answers; those to the fakes serve both players
            with tf.GradientTape() as critic_tape:
                support_logits = self._judge_support(gray(support), training=False)
                main_logits = self._judge_main(main, training=False)
                others = tf.concat([anime, gray(batch["anime_smooth"])], axis=0)
                anime_logits, edges_logits = tf.split(self._judge_support(others, training=False), 2, axis=0)
                revision_logits = self._judge_main(revision, training=False)
                critic_terms = {
                    **self.objective.support_discriminator(anime_logits, support_logits, edges_logits),
                    **self.objective.main_discriminator(revision_logits, main_logits),
                }
                critic_loss = total(critic_terms)
            # 4. losses and gradients
            terms = self.objective.generator(
                {
                    "photo": batch["photo"],
                    "photo_region": batch["photo_region"],
                    "support": support,
                    "main": main,
                    "revision": revision,
                },
                constant,
                support_logits,
                main_logits,
            )
            loss = total(terms)
        gradients = {
            "generator": self._gradients("generator", tape, loss),
            "discriminator": self._gradients("discriminator", critic_tape, critic_loss),
        }
        return {"loss": loss, **terms, **critic_terms}, gradients
