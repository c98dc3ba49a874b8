"""Keras layers of the AnimeGAN networks."""

from animegan3_tf.layers.convolution import ReflectConv2D, ReflectDepthwiseConv2D, ZeroConv2D
from animegan3_tf.layers.external_attention import ExternalAttention
from animegan3_tf.layers.lade import LADE
from animegan3_tf.layers.normalization import InstanceNorm, LayerNorm
from animegan3_tf.layers.resize import Downsample2x, Upsample2x
from animegan3_tf.layers.spectral_normalization import SpectralNormalization

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
