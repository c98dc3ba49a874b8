"""The losses of the generator and the discriminator of a run on pairs."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.training.feature_terms import FeatureTerms, paired_weights

UNDECIDED_LOSS = 0.25  # of a discriminator that answers 0.5 to every image


class PairObjective(FeatureTerms):
    """Loss terms {name: scalar}, already weighted; those of `generator` add up to its loss.

    All images are float [N, H, W, 3] in [-1, 1].
    """

    def generator(self, drawing: tf.Tensor, result: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes the distance of the result from the drawing in pixels, edges, blocks and perceptual features.

        Args:
            drawing: The teacher's drawing of the photo.
            result: The generator's image of the photo.

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
        for tap, weight in paired_weights(self.style, self.network.family).features.items():
            distance = losses.feature_distance(tf.stop_gradient(wanted[tap]), seen[tap], self.network.scales[tap])
            terms[f"features_{tap}"] = weight * distance
        return terms

    def adversarial(self, logits: tf.Tensor) -> tf.Tensor:
        """Computes the generator's adversarial loss, unweighted (least squares, Mao et al. 2017, eq. 9).

        Args:
            logits: Float [N, h, w, 1], the discriminator's logits for photos with results.

        Returns:
            Scalar, mean (logits - 1)^2.
        """
        return losses.generator_loss(logits)

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes the discriminator's loss: least squares (Mao et al. 2017, eq. 9), see `UNDECIDED_LOSS`.

        Args:
            real: Float [N, h, w, 1], its logits for photos with drawings.
            fake: Its logits for photos with results.

        Returns:
            The term "discriminator_pair".
        """
        return {"discriminator_pair": losses.discriminator_loss(real, [(0.5, fake)], real_weight=0.5)}
