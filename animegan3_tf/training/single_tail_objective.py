"""The losses of the networks of AnimeGAN and AnimeGANv2, with a style's weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms


@dataclass(frozen=True)
class SingleTailObjective(FeatureTerms):
    """Loss terms {name: scalar} of the three updates of a run, already weighted: their sum is the loss.

    The generator has one tail. Its image, `fake`, goes to the discriminator in colour. The weights that DTGAN has for
    its support tail apply to this tail. All images are float [N, H, W, 3] in [-1, 1].
    """

    def pretraining(self, photo: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """The content term, with which the generator learns to reproduce the photo."""
        features = self._features(photo=photo, fake=fake)
        return {"pretrain": self._content(features["photo"], features["fake"])}

    def generator(
        self, photo: tf.Tensor, fake: tf.Tensor, constant: Mapping[str, Mapping[str, tf.Tensor]], logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Computes the generator's terms, AnimeGAN eq. 2 to 8; total variation is AnimeGANv2's.

        Args:
            photo: The photos.
            fake: The generator's images of them.
            constant: `constant_features` of photo and anime_gray.
            logits: Float [N, h, w, 1], the discriminator's logits for `fake`.

        Returns:
            The terms. "identity" is missing where the style gives it no weight.
        """
        loss, weights = self.style.loss, self.weights
        live = self._features(fake=fake)["fake"]
        terms = {
            "content": sum(w * self._distance(t, constant["photo"], live) for t, w in weights.content.items()),
            "color": self._color(photo, fake),
            "total_variation": loss.total_variation * losses.total_variation(fake),
            "adversarial": loss.support_generator
            * losses.generator_loss(logits, loss.adversarial, loss.support_labels[0]),
        }
        for tap, weight in weights.style.items():
            scale = self.network.gram_scales[tap]
            # of the colour image, and not centred, unlike DTGAN's
            distance = losses.gram_distance(constant["anime_gray"][tap], live[tap], scale, centre=False)
            terms[f"style_{tap}"] = weight * distance
        if loss.identity:
            terms["identity"] = loss.identity * losses.l1_loss(photo, fake)
        return terms

    def discriminator(
        self, real: tf.Tensor, gray: tf.Tensor, fake: tf.Tensor, edges: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Computes the discriminator's term, AnimeGAN eq. 9.

        Args:
            real: Float [N, h, w, 1], its logits for anime.
            gray: Its logits for gray anime.
            fake: Its logits for the generator's images.
            edges: Its logits for gray, edge-smoothed anime.

        Returns:
            The term "discriminator_support".
        """
        loss = self.style.loss
        fakes = [(loss.support_gray, gray), (loss.support_fake, fake), (loss.support_edges, edges)]
        real_label, fake_label = loss.support_labels
        value = losses.discriminator_loss(real, fakes, loss.adversarial, real_label, fake_label, loss.support_real)
        return {"discriminator_support": value}

    def answering_alike(self, answer: tf.Tensor) -> tf.Tensor:
        """The discriminator's loss when its logits are `answer` for every image."""
        return self.discriminator(answer, answer, answer, answer)["discriminator_support"]
