"""The losses of each network of AnimeGANv3: DTGAN's losses with a style's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms, gray


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
