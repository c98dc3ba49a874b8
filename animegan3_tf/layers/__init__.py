"""Keras layers of the AnimeGANv3 networks."""

from animegan3_tf.layers.external_attention import ExternalAttention
from animegan3_tf.layers.lade import LADE
from animegan3_tf.layers.reflect_conv import ReflectConv2D
from animegan3_tf.layers.resize import Upsample2x
from animegan3_tf.layers.spectral_normalization import SpectralNormalization

__all__ = ["LADE", "ExternalAttention", "ReflectConv2D", "SpectralNormalization", "Upsample2x"]
