"""AnimeGAN and AnimeGANv2: their losses, and their training as a Keras model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.networks.animegan1 import build_animegan1, build_animegan1_discriminator
from animegan3_tf.networks.animegan2 import build_animegan2, build_animegan2_discriminator
from animegan3_tf.training.collapse import CONTRAST, contrast
from animegan3_tf.training.terms import FeatureTerms, gray
from animegan3_tf.training.trainer import Batch, GanTrainer, Gradients, Terms, total

if TYPE_CHECKING:
    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.styles import Style


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


# generator's name: the builders of the generator and its discriminator
NETWORKS: dict[str, tuple[Callable[..., tf.keras.Model], Callable[..., tf.keras.Model]]] = {
    "animegan1": (build_animegan1, build_animegan1_discriminator),
    "animegan2": (build_animegan2, build_animegan2_discriminator),
}


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
        (build, build_discriminator), resize = NETWORKS[style.generator], style.train.resize
        networks = {
            "generator": build(resize),
            "average": build(resize),
            "support_discriminator": build_discriminator("support_discriminator"),
        }
        super().__init__(style, network, networks, SingleTailObjective, accumulate, jit, plain)
        self._discriminate = self._as_called(self.support_discriminator)

    def _pretraining(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of the content phase."""
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            fake = self._generate(photo, training=True)
            terms = self.objective.pretraining(photo, fake)
            loss = total(terms)
        return {"loss": loss, **terms, CONTRAST: contrast(photo, fake)}, {
            "pretrain": self._gradients("pretrain", tape, loss)
        }

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
        return {"loss": loss, **terms, **discriminator_terms, CONTRAST: contrast(photo, fake)}, gradients
