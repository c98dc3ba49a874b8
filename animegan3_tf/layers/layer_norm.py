"""Layer normalisation as TensorFlow 1's contrib.layers had it, which AnimeGANv2 uses."""

import tensorflow as tf

from animegan3_tf.layers.moment_norm import MomentNorm

EPSILON = 1e-12  # contrib's


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class LayerNorm(MomentNorm, tf.keras.layers.GroupNormalization):
    """Normalises each picture over height, width and channels together (Ba et al. 2016); gamma and beta per channel.

    It is Keras' `GroupNormalization` with one group, whose weights it has; Keras' `LayerNormalization` is another
    function. The moments are computed without Keras' mask of ones and its fifth axis, and can be held fixed for tiles.

    Input and output [N, H, W, C].
    """

    moment_axes = (2, 1, 3)

    def __init__(self, epsilon=EPSILON, **kwargs):
        super().__init__(groups=1, epsilon=epsilon, **kwargs)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        del config["groups"]
        return config
