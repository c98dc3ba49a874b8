"""Convolution with zero padding, the convolution of AnimeGAN's and AnimeGANv2's discriminators."""

import tensorflow as tf

from animegan3_tf.layers.reflect_conv import ReflectConv2D


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ZeroConv2D(ReflectConv2D):
    """A `ReflectConv2D` whose padding is zeros."""

    padding = "CONSTANT"
