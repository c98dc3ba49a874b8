"""Evaluates generated images: metrics of features and of images, their reports, and studies with people."""

from animegan3_tf.evaluation.distances import frechet_distance, kernel_distance

__all__ = ["frechet_distance", "kernel_distance"]
