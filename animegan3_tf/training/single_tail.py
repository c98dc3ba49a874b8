"""The two-phase training of AnimeGAN and AnimeGANv2 as a Keras model."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf.networks import animegan1, animegan2
from animegan3_tf.training.feature_terms import gray
from animegan3_tf.training.gan_trainer import Batch, GanTrainer, Gradients, Terms, total
from animegan3_tf.training.single_tail_objective import SingleTailObjective

if TYPE_CHECKING:
    from types import ModuleType

    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.styles import Style

NETWORKS: dict[str, ModuleType] = {"animegan1": animegan1, "animegan2": animegan2}


class SingleTailTrainer(GanTrainer):
    """Generator with one tail, its average, one discriminator, their optimizers and the step count.

    Batches are {"photo", "anime", "anime_smooth"}. Generator and discriminator learn from one forward pass, as in
    `Trainer`; the original code updates the discriminator first and has the updated one rate the same photos.

    Args:
        style: The style to train.
        network: The perceptual network.
        region_target: None, since these generations have no region target; it keeps the signature of `Trainer`.
        accumulate: See `GanTrainer`.
        jit: See `GanTrainer`.
        plain: See `GanTrainer`.
    """

    objective: SingleTailObjective

    def __init__(
        self,
        style: Style,
        network: PerceptualNetwork,
        region_target: None = None,
        accumulate: int = 1,
        jit: Collection[str] = (),
        plain: tf.keras.Model | None = None,
    ) -> None:
        module, resize = NETWORKS[style.generator], style.train.resize
        networks = {
            "generator": module.build_generator(resize),
            "average": module.build_generator(resize),
            "support_discriminator": module.build_discriminator("support_discriminator"),
        }
        super().__init__(style, network, networks, SingleTailObjective, accumulate, jit, plain)
        self._discriminate = self._as_called(self.support_discriminator)

    def _pretraining(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of the content phase."""
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            terms = self.objective.pretraining(photo, self._generate(photo, training=True))
            loss = total(terms)
        return {"loss": loss, **terms}, {"pretrain": self._gradients("pretrain", tape, loss)}

    def _adversarial(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of generator and discriminator."""
        photo, anime, anime_gray = batch["photo"], batch["anime"], gray(batch["anime"])
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            fake = self._generate(photo, training=True)
            # 2. features that carry no gradient
            with tape.stop_recording():
                constant = self.objective.constant_features(photo=photo, anime_gray=anime_gray)
            # 3. the discriminator's logits; the losses of both sides use those of the generated images
            with tf.GradientTape() as discriminator_tape:
                logits = self._discriminate(fake, training=False)
                others = tf.concat([anime, anime_gray, gray(batch["anime_smooth"])], axis=0)
                real, real_gray, edges = tf.split(self._discriminate(others, training=False), 3, axis=0)
                discriminator_terms = self.objective.discriminator(real, real_gray, logits, edges)
                discriminator_loss = total(discriminator_terms)
            # 4. losses and gradients
            terms = self.objective.generator(photo, fake, constant, logits)
            loss = total(terms)
        gradients = {
            "generator": self._gradients("generator", tape, loss),
            "discriminator": self._gradients("discriminator", discriminator_tape, discriminator_loss),
        }
        return {"loss": loss, **terms, **discriminator_terms}, gradients
