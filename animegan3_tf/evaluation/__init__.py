"""Evaluates generated images: metrics of features and of images, their reports, and studies with people."""

from animegan3_tf.evaluation.frechet import frechet_distance
from animegan3_tf.evaluation.kernel import kernel_distance

__all__ = ["frechet_distance", "kernel_distance"]
