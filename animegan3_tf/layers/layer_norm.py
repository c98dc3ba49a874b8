"""Layer normalisation as TensorFlow 1's contrib.layers had it, which AnimeGANv2 uses."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from animegan3_tf.layers.moment_norm import MomentNorm

EPSILON = 1e-12  # contrib's


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class LayerNorm(MomentNorm, tf.keras.layers.GroupNormalization):
    """Normalises each image over height, width and channels together (Ba et al. 2016); gamma and beta per channel.

    It is Keras' `GroupNormalization` with one group, and has its weights; Keras' `LayerNormalization` is another
    function. The moments are computed without Keras' mask of ones and its fifth axis, and can be held fixed for tiles.

    Input and output [N, H, W, C].

    Args:
        epsilon: Added to the variance.
    """

    moment_axes = (2, 1, 3)

    def __init__(self, epsilon: float = EPSILON, **kwargs: Any) -> None:
        super().__init__(groups=1, epsilon=epsilon, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        del config["groups"]
        return config
