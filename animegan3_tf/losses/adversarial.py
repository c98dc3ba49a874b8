"""Adversarial losses; the only module that knows TF-GAN."""

from tensorflow_gan import losses

tfgan = losses.wargs

LEAST_SQUARES = "least_squares"
HINGE = "hinge"


def generator_loss(logits, kind=LEAST_SQUARES, real_label=1.0):
    """What the generator pays for a discriminator that sees through its pictures.

    logits: float [N, h, w, 1], the discriminator's answer to generated pictures.
    kind: "least_squares" (Mao et al. 2017), mean (logits - real_label)^2, or "hinge" (Lim & Ye 2017), -mean(logits).
    Returns a scalar, the mean over pictures and positions. AnimeGANv3 uses least squares, label 0.9 for the support
    tail and 1 for the main one.
    """
    if kind == HINGE:
        return tfgan.wasserstein_generator_loss(logits)
    return 2.0 * tfgan.least_squares_generator_loss(logits, real_label)  # TF-GAN halves the square


def discriminator_loss(real, fakes, kind=LEAST_SQUARES, real_label=1.0, fake_label=0.0, real_weight=1.0):
    """What the discriminator pays for its mistakes.

    real: logits [N, h, w, 1] of real pictures, weighted by `real_weight`.
    fakes: pairs (weight, logits) of the kinds of pictures it should refuse (generated, edge-smoothed).
    kind: "least_squares", mean squared distances to the labels, or "hinge", mean relu(1 - real) and relu(1 + fake).
    Returns a scalar. AnimeGANv3's support discriminator: labels 0.9 and 0.1, real weight 0.5, fakes 1 and the style's
    edge weight (DTGAN eq. 16).
    """
    if kind == HINGE:
        terms = [real_weight * tfgan.wasserstein_hinge_discriminator_loss(real, real, generated_weights=0.0)]
        terms += [w * tfgan.wasserstein_hinge_discriminator_loss(f, f, real_weights=0.0) for w, f in fakes]
        return sum(terms)
    terms = [real_weight * generator_loss(real, kind, real_label)]
    return sum(terms + [weight * generator_loss(logits, kind, fake_label) for weight, logits in fakes])
