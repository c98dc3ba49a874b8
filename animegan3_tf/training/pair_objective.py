"""What the generator and the discriminator of a run on pairs pay for."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms

COIN = 0.25  # the loss of a discriminator that answers everything with 0.5


class PairObjective(FeatureTerms):
    """Weighted loss terms {name: scalar}; those of `generator` add up to its loss.

    All pictures are float [N, H, W, 3] in [-1, 1].
    """

    def generator(self, drawing: tf.Tensor, result: tf.Tensor) -> dict[str, tf.Tensor]:
        """How far the result is from the drawing: its pixels, its edges, its areas, and what a network sees in it.

        Args:
            drawing: The teacher's picture of the photo.
            result: The generator's.

        Returns:
            The terms "pixels", "differences", "blocks" and "features_TAP".
        """
        pairs = self.style.pairs
        ink = losses.ink_weights(drawing, pairs.ink, pairs.ink_contrast, pairs.ink_window)
        terms = {
            "pixels": pairs.pixels * losses.weighted_l1(drawing, result, ink),
            "differences": pairs.differences * losses.neighbour_difference_loss(drawing, result),
            "blocks": pairs.blocks * losses.block_mean_loss(drawing, result),
        }
        wanted, seen = self.network(drawing), self.network(result)
        for tap, weight in self.weights.features.items():
            distance = losses.feature_distance(tf.stop_gradient(wanted[tap]), seen[tap], self.network.scales[tap])
            terms[f"features_{tap}"] = weight * distance
        return terms

    def adversarial(self, logits: tf.Tensor) -> tf.Tensor:
        """What the generator pays where the discriminator tells its results from drawings, unweighted.

        Args:
            logits: The discriminator's answer to photos with results.

        Returns:
            Scalar, mean (logits - 1)^2.
        """
        return losses.generator_loss(logits)

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """What the discriminator pays: least squares (Mao et al. 2017, eq. 9), 0.25 for one that cannot tell.

        Args:
            real: Its answer to photos with drawings.
            fake: Its answer to photos with results.

        Returns:
            The term "discriminator_pair".
        """
        return {"discriminator_pair": losses.discriminator_loss(real, [(0.5, fake)], real_weight=0.5)}
