"""AnimeGANv3: the losses of its two tails, and its two-phase training as a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.filters.non_local_means import nl_means
from animegan3_tf.networks import build_discriminator, build_generator
from animegan3_tf.training.collapse import CONTRAST, contrast
from animegan3_tf.training.terms import FeatureTerms, gray, guide, revision_target
from animegan3_tf.training.trainer import Batch, GanTrainer, Gradients, Terms, compiled, total

if TYPE_CHECKING:
    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.styles import Style


@dataclass(frozen=True)
class Objective(FeatureTerms):
    """Loss terms {name: scalar} of the three updates of a run, already weighted: their sum is the loss.

    All images are float [N, H, W, 3] in [-1, 1]. `support` is the support tail's image after the guided filter, `main`
    the main tail's, unfiltered.
    """

    def pretraining(self, photo: tf.Tensor, support: tf.Tensor, main: tf.Tensor) -> dict[str, tf.Tensor]:
        """Content terms of both tails, without a weight, as in the initialisation phase of the original code."""
        constant = self.network(photo)
        live = self._features(support=support, main=main)
        return {
            "pretrain_support": self._content(constant, live["support"]),
            "pretrain_main": self._content(constant, live["main"]),
        }

    def generator(
        self,
        images: Mapping[str, tf.Tensor],
        constant: Mapping[str, Mapping[str, tf.Tensor]],
        support_logits: tf.Tensor,
        main_logits: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Computes the generator's terms, DTGAN eq. 6 to 15.

        Args:
            images: "photo", its region target "photo_region", "support", "main" and "revision" (the main tail's
                target).
            constant: `constant_features` of photo, photo_region, fake_region, revision and anime_gray.
            support_logits: Float [N, h, w, 1], the support discriminator's logits for gray(support).
            main_logits: Float [N, h, w, 1], the main discriminator's logits for main.

        Returns:
            The terms. "flat_regions" and "identity" are missing where the style gives them no weight.
        """
        loss, weights = self.style.loss, self.weights
        photo, support, main = images["photo"], images["support"], images["main"]
        live = self._features(support=support, main=main, gray=gray(support))
        support_content = weights.content.items()
        terms = {
            "content": sum(w * self._distance(t, constant["photo"], live["support"]) for t, w in support_content),
            "region": weights.region_fake * self._distance(weights.distance, constant["fake_region"], live["support"])
            + weights.region_photo * self._distance(weights.distance, constant["photo_region"], live["support"]),
            "color": self._color(photo, support),
            "total_variation": loss.total_variation * losses.total_variation(support),
            "adversarial": loss.support_generator
            * losses.generator_loss(support_logits, loss.adversarial, loss.support_labels[0]),
            "main_l1": loss.revision_l1 * losses.l1_loss(images["revision"], main),
            "main_content": weights.revision * self._distance(weights.distance, constant["revision"], live["main"]),
            "main_total_variation": loss.total_variation * losses.total_variation(main),
            "main_adversarial": loss.main_generator
            * losses.generator_loss(main_logits, loss.adversarial, loss.main_labels[0]),
        }
        for tap, weight in weights.style.items():
            distance = losses.gram_distance(
                constant["anime_gray"][tap], live["gray"][tap], self.network.gram_scales[tap]
            )
            terms[f"style_{tap}"] = weight * distance
        if loss.flat_regions:
            # the main tail follows, through its target
            terms["flat_regions"] = loss.flat_regions * losses.flat_region_loss(support, images["photo_region"])
        if loss.identity:
            terms["identity"] = loss.identity * losses.l1_loss(photo, support)
        return terms

    def support_discriminator(self, real: tf.Tensor, fake: tf.Tensor, edges: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes the support discriminator's term, DTGAN eq. 16.

        Args:
            real: Float [N, h, w, 1], its logits for gray anime.
            fake: Its logits for gray support images.
            edges: Its logits for gray, edge-smoothed anime.

        Returns:
            The term "discriminator_support".
        """
        loss = self.style.loss
        fakes = [(loss.support_fake, fake), (loss.support_edges, edges)]
        real_label, fake_label = loss.support_labels
        value = losses.discriminator_loss(real, fakes, loss.adversarial, real_label, fake_label, loss.support_real)
        return {"discriminator_support": value}

    def answering_alike(self, answer: tf.Tensor) -> tf.Tensor:
        """The support discriminator's loss when its logits are `answer` for every image."""
        return self.support_discriminator(answer, answer, answer)["discriminator_support"]

    def main_discriminator(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes the main discriminator's term, DTGAN eq. 17.

        Args:
            real: Float [N, h, w, 1], its logits for revision targets.
            fake: Its logits for main images.

        Returns:
            The term "discriminator_main".
        """
        loss = self.style.loss
        real_label, fake_label = loss.main_labels
        value = losses.discriminator_loss(real, [(1.0, fake)], loss.adversarial, real_label, fake_label)
        return {"discriminator_main": loss.main_discriminator * value}


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
        return {"loss": loss, **terms, CONTRAST: contrast(photo, tails["main"])}, {
            "pretrain": self._gradients("pretrain", tape, loss)
        }

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
        terms = {"loss": loss, **terms, **discriminator_terms}
        return {**terms, CONTRAST: contrast(batch["photo"], main)}, gradients
