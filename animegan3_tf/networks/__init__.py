"""The networks: generators and discriminators, which are trained, and perceptual networks for the losses."""

from animegan3_tf.networks.discriminator import build_discriminator
from animegan3_tf.networks.generator import build_generator, main_tail
from animegan3_tf.networks.perceptual import PerceptualNetwork, load_perceptual, read_perceptual
from animegan3_tf.networks.weights import load_generator, save_generator

__all__ = [
    "PerceptualNetwork",
    "build_discriminator",
    "build_generator",
    "load_generator",
    "load_perceptual",
    "main_tail",
    "read_perceptual",
    "save_generator",
]
