"""Adversarial losses; the only module that knows TF-GAN."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf
from tensorflow_gan import losses

tfgan = losses.wargs

LEAST_SQUARES = "least_squares"
HINGE = "hinge"


def generator_loss(logits: tf.Tensor, kind: str = LEAST_SQUARES, real_label: float = 1.0) -> tf.Tensor:
    """Computes the generator's adversarial loss; AnimeGANv3 uses least squares.

    Args:
        logits: Float tensor [N, h, w, 1], the discriminator's output for generated images.
        kind: "least_squares" (Mao et al. 2017), mean (logits - real_label)^2, or "hinge" (Lim & Ye 2017),
            -mean(logits).
        real_label: The label of real images under least squares; AnimeGANv3 has 0.9 for the support tail and 1 for the
            main one.

    Returns:
        Scalar, the mean over images and positions.
    """
    if kind == HINGE:
        return tfgan.wasserstein_generator_loss(logits)
    return 2.0 * tfgan.least_squares_generator_loss(logits, real_label)  # TF-GAN halves the square


def discriminator_loss(
    real: tf.Tensor,
    fakes: Iterable[tuple[float, tf.Tensor]],
    kind: str = LEAST_SQUARES,
    real_label: float = 1.0,
    fake_label: float = 0.0,
    real_weight: float = 1.0,
) -> tf.Tensor:
    """Computes the discriminator's loss.

    AnimeGANv3's support discriminator has labels 0.9 and 0.1, real weight 0.5, and for fakes the weights 1 and the
    style's edge weight (DTGAN eq. 16).

    Args:
        real: Logits [N, h, w, 1] of real images.
        fakes: Pairs (weight, logits), one for each kind of image that it should refuse (generated, edge-smoothed).
        kind: "least_squares", mean squared distances to the labels, or "hinge", mean relu(1 - real) and relu(1 + fake).
        real_label: The label of real images under least squares.
        fake_label: The label of fakes under least squares.
        real_weight: The weight of real images.

    Returns:
        Scalar, the weighted sum of the means over images and positions.
    """
    if kind == HINGE:
        terms = [real_weight * tfgan.wasserstein_hinge_discriminator_loss(real, real, generated_weights=0.0)]
        terms += [w * tfgan.wasserstein_hinge_discriminator_loss(f, f, real_weights=0.0) for w, f in fakes]
        return sum(terms)
    terms = [real_weight * generator_loss(real, kind, real_label)]
    return sum(terms + [weight * generator_loss(logits, kind, fake_label) for weight, logits in fakes])
