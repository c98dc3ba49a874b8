"""Keras layers of the AnimeGAN networks."""

from animegan3_tf.layers.external_attention import ExternalAttention
from animegan3_tf.layers.instance_norm import InstanceNorm
from animegan3_tf.layers.lade import LADE
from animegan3_tf.layers.layer_norm import LayerNorm
from animegan3_tf.layers.reflect_conv import ReflectConv2D
from animegan3_tf.layers.reflect_depthwise_conv import ReflectDepthwiseConv2D
from animegan3_tf.layers.resize import Downsample2x, Upsample2x
from animegan3_tf.layers.spectral_normalization import SpectralNormalization
from animegan3_tf.layers.zero_conv import ZeroConv2D

__all__ = [
    "LADE",
    "Downsample2x",
    "ExternalAttention",
    "InstanceNorm",
    "LayerNorm",
    "ReflectConv2D",
    "ReflectDepthwiseConv2D",
    "SpectralNormalization",
    "Upsample2x",
    "ZeroConv2D",
]
