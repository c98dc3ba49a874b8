"""A recipe, pictures and weights small enough that a training step takes a fraction of a second."""

import numpy as np
import tensorflow as tf

from animegan3_tf.common.images import write_image
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.networks.perceptual import KERNELS
from animegan3_tf.styles import Style, override
from animegan3_tf.styles.style import tomllib
from helpers.prepared_folders import picture

TINY_TOML = """
description = "For tests: shallow features, small crops"
[data]
image_size = 16
max_scale = 1.5
[target]
region_target = "l0"
nl_means = [5, 6, 3, 5]
[train]
batch_size = 2
[perceptual.vgg19]
content = { conv1_2 = 0.5 }
style = { conv1_1 = 0.1, conv1_2 = 0.2 }
distance = "conv1_2"
region_fake = 0.2
region_photo = 0.2
revision = 0.5
"""
TINY = {"name": "tiny", **tomllib.loads(TINY_TOML)}
SINGLE_TAIL = {  # what makes `tiny_style` AnimeGANv2's
    "generator": "animegan2",
    "target.region_target": "none",
    "perceptual.vgg19.region_fake": 0.0,
    "perceptual.vgg19.region_photo": 0.0,
    "perceptual.vgg19.revision": 0.0,
    "train.resize": "legacy",
}


def tiny_style(settings=None):
    """The recipe, with values replaced as by `override`."""
    return override(Style.from_dict(TINY), settings or {})


def write_pictures(folder, count, side=24, first=0):
    """`count` different PNGs in `folder`, which is returned."""
    for i in range(count):
        write_image(folder / f"{i:02d}.png", picture(first + i, side))
    return folder


def plain_network():
    """A perceptual network for `tiny_style` that is quick to build and to reckon with: its features are the picture."""
    picture = tf.keras.Input((None, None, 3))
    same = tf.keras.layers.Activation("linear")
    model = tf.keras.Model(picture, {"conv1_1": same(picture), "conv1_2": same(picture)})
    scales = {"conv1_1": 1.0, "conv1_2": 0.5}
    return PerceptualNetwork("vgg19", model, scales, scales)


def resnet_arrays():
    """Random weights of the ResNet-18 of `load_perceptual`, as its file holds them."""
    rng = np.random.default_rng(0)
    arrays = {}
    for number, (fan_in, fan_out, size) in KERNELS.items():
        arrays[str(number)] = rng.normal(0, 0.05, (fan_out, fan_in, size, size)).astype(np.float16)
        arrays[str(number + 1)] = np.zeros(fan_out, np.float16)
    return arrays
