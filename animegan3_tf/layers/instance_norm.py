"""Instance normalisation, which AnimeGAN uses; the only module that knows TensorFlow Addons' layer."""

from __future__ import annotations

import warnings
from typing import Any

import tensorflow as tf

from animegan3_tf.layers.moment_norm import MomentNorm

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # its end-of-life notice, known and pinned
    import tensorflow_addons as tfa


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class InstanceNorm(MomentNorm, tfa.layers.InstanceNormalization):
    """Normalises each channel of each image over height and width (Ulyanov et al. 2016); gamma and beta per channel.

    The weights and the function are those of TensorFlow Addons' layer; the moments can be held fixed for tiles.

    Input and output [N, H, W, C].

    Args:
        epsilon: Added to the variance.
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(epsilon=epsilon, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        del config["groups"]
        return config
