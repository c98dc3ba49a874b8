"""The two-phase training of AnimeGANv3 as a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf.filters.nl_means import nl_means
from animegan3_tf.networks import build_discriminator, build_generator
from animegan3_tf.training.feature_terms import gray
from animegan3_tf.training.gan_trainer import Batch, GanTrainer, Gradients, Terms, compiled, total
from animegan3_tf.training.objective import Objective
from animegan3_tf.training.targets import guide, revision_target

if TYPE_CHECKING:
    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.styles import Style


class Trainer(GanTrainer):
    """Generator with two tails, its average, two discriminators, their optimizers and the step count.

    Batches are {"photo", "photo_region", "anime", "anime_smooth"}.

    Args:
        style: The style to train.
        network: The perceptual network.
        region_target: Graph function from support images to their region targets, see `targets.region_target`.
        accumulate: See `GanTrainer`.
        jit: What XLA compiles: "nl_means", "networks", both or nothing.
        plain: See `GanTrainer`.
    """

    objective: Objective

    def __init__(
        self,
        style: Style,
        network: PerceptualNetwork,
        region_target: Callable[[tf.Tensor], tf.Tensor],
        accumulate: int = 1,
        jit: Collection[str] = (),
        plain: tf.keras.Model | None = None,
    ) -> None:
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
        self._discriminate_support = self._as_called(self.support_discriminator)
        self._discriminate_main = self._as_called(self.main_discriminator)

    def _pretraining(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of the content phase."""
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            tails = self._generate(photo, training=True)
            terms = self.objective.pretraining(photo, guide(self.style.target, tails["support"]), tails["main"])
            loss = total(terms)
        return {"loss": loss, **terms}, {"pretrain": self._gradients("pretrain", tape, loss)}

    def _adversarial(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of generator and discriminators."""
        target, anime = self.style.target, gray(batch["anime"])
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            tails = self._generate(batch["photo"], training=True)
            support, main = guide(target, tails["support"]), tails["main"]
            # 2. targets from its own images, and all features that carry no gradient
            with tape.stop_recording():
                revision = revision_target(target, tails["support"], self._denoise)
                constant = self.objective.constant_features(
                    photo=batch["photo"], photo_region=batch["photo_region"], revision=revision, anime_gray=anime
                )
                # separately: superpixels come from other processes, and all the rest can go on meanwhile
                constant |= self.objective.constant_features(fake_region=self.region_target(support))
            # 3. the discriminators' logits; the losses of both sides use those of the generated images
            with tf.GradientTape() as discriminator_tape:
                support_logits = self._discriminate_support(gray(support), training=False)
                main_logits = self._discriminate_main(main, training=False)
                others = tf.concat([anime, gray(batch["anime_smooth"])], axis=0)
                anime_logits, edges_logits = tf.split(self._discriminate_support(others, training=False), 2, axis=0)
                revision_logits = self._discriminate_main(revision, training=False)
                discriminator_terms = {
                    **self.objective.support_discriminator(anime_logits, support_logits, edges_logits),
                    **self.objective.main_discriminator(revision_logits, main_logits),
                }
                discriminator_loss = total(discriminator_terms)
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
            "discriminator": self._gradients("discriminator", discriminator_tape, discriminator_loss),
        }
        return {"loss": loss, **terms, **discriminator_terms}, gradients
