"""Losses: pure functions of tensors, unweighted unless they say otherwise."""

from animegan3_tf.losses.adversarial import discriminator_loss, generator_loss
from animegan3_tf.losses.color import lab_color_loss, rgb_to_lab, yuv_color_loss
from animegan3_tf.losses.drawing import block_mean_loss, ink_weights, neighbour_difference_loss
from animegan3_tf.losses.features import feature_distance, gram_distance, gram_matrix, l1_loss
from animegan3_tf.losses.smoothness import flat_region_loss, total_variation

__all__ = [
    "block_mean_loss",
    "discriminator_loss",
    "feature_distance",
    "flat_region_loss",
    "generator_loss",
    "gram_distance",
    "gram_matrix",
    "ink_weights",
    "l1_loss",
    "lab_color_loss",
    "neighbour_difference_loss",
    "rgb_to_lab",
    "total_variation",
    "yuv_color_loss",
]
