"""What each network of a run pays for: DTGAN's losses put together with a style's weights."""

from dataclasses import dataclass

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms, gray


@dataclass(frozen=True)
class Objective(FeatureTerms):
    """Weighted loss terms {name: scalar} of the three updates of a run.

    All pictures are float [N, H, W, 3] in [-1, 1]. `support` is the support tail's picture after the guided filter,
    `main` the main tail's as it is. Terms are weighted already: their sum is the loss.
    """

    def pretraining(self, photo, support, main):
        """Both tails learn to reproduce the photo's content (unweighted, as upstream's initialisation phase)."""
        constant = self.network(photo)
        live = self._features(support=support, main=main)
        return {
            "pretrain_support": self._content(constant, live["support"]),
            "pretrain_main": self._content(constant, live["main"]),
        }

    def generator(self, pictures, constant, support_logits, main_logits):
        """The generator's terms, DTGAN eq. 6 to 15.

        pictures: photo, its region target photo_region, support, main and revision (the main tail's target).
        constant: `constant_features` of photo, photo_region, fake_region, revision and anime_gray.
        support_logits, main_logits: the discriminators' answers to gray(support) and to main.
        """
        loss, weights = self.style.loss, self.weights
        photo, support, main = pictures["photo"], pictures["support"], pictures["main"]
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
            "main_l1": loss.revision_l1 * losses.l1_loss(pictures["revision"], main),
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
            terms["flat_regions"] = loss.flat_regions * losses.flat_region_loss(support, pictures["photo_region"])
        if loss.identity:
            terms["identity"] = loss.identity * losses.l1_loss(photo, support)
        return terms

    def support_discriminator(self, real, fake, edges):
        """Terms from the logits of gray anime, gray support pictures and gray edge-smoothed anime; DTGAN eq. 16."""
        loss = self.style.loss
        fakes = [(loss.support_fake, fake), (loss.support_edges, edges)]
        value = losses.discriminator_loss(real, fakes, loss.adversarial, *loss.support_labels, loss.support_real)
        return {"discriminator_support": value}

    def answering_alike(self, answer):
        """The support discriminator's loss when it answers everything with the logits `answer`."""
        return self.support_discriminator(answer, answer, answer)["discriminator_support"]

    def main_discriminator(self, real, fake):
        """Terms from the logits of revision targets and of main pictures; DTGAN eq. 17."""
        loss = self.style.loss
        value = losses.discriminator_loss(real, [(1.0, fake)], loss.adversarial, *loss.main_labels)
        return {"discriminator_main": loss.main_discriminator * value}
