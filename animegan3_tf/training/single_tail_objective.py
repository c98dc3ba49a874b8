"""What AnimeGAN's and AnimeGANv2's networks pay for, put together with a style's weights."""

from dataclasses import dataclass

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms


@dataclass(frozen=True)
class SingleTailObjective(FeatureTerms):
    """Weighted loss terms {name: scalar} of the three updates of a run; their sum is the loss.

    The generator has one tail, whose picture is judged in colour: `fake`. Weights that DTGAN gives its support tail are
    this one's. All pictures are float [N, H, W, 3] in [-1, 1].
    """

    def pretraining(self, photo, fake):
        """The generator learns to reproduce the photo's content."""
        features = self._features(photo=photo, fake=fake)
        return {"pretrain": self._content(features["photo"], features["fake"])}

    def generator(self, photo, fake, constant, logits):
        """The generator's terms, AnimeGAN eq. 2 to 8; total variation is AnimeGANv2's.

        constant: `constant_features` of photo and anime_gray. logits: the discriminator's answer to fake.
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
            # of the picture in colour, and not centred, unlike DTGAN's
            distance = losses.gram_distance(constant["anime_gray"][tap], live[tap], scale, centre=False)
            terms[f"style_{tap}"] = weight * distance
        if loss.identity:
            terms["identity"] = loss.identity * losses.l1_loss(photo, fake)
        return terms

    def discriminator(self, real, gray, fake, edges):
        """Terms from the logits of anime, gray anime, the generator's pictures, gray edge-smoothed anime; eq. 9."""
        loss = self.style.loss
        fakes = [(loss.support_gray, gray), (loss.support_fake, fake), (loss.support_edges, edges)]
        value = losses.discriminator_loss(real, fakes, loss.adversarial, *loss.support_labels, loss.support_real)
        return {"discriminator_support": value}

    def answering_alike(self, answer):
        """The discriminator's loss when it answers everything with the logits `answer`."""
        return self.discriminator(answer, answer, answer, answer)["discriminator_support"]
