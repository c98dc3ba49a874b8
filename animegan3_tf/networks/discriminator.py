"""AnimeGANv3's discriminator, one for each tail."""

import tensorflow as tf

from animegan3_tf.layers import LADE, ReflectConv2D, SpectralNormalization


def build_discriminator(filters=32, name="discriminator"):
    """A patch discriminator with spectral normalisation on every kernel, LADE's included (DTGAN, section 3.3).

    Input float [N, H, W, 3] in [-1, 1], H and W multiples of 8. Output logits [N, H/8, W/8, 1], float32.
    """
    picture = tf.keras.Input((None, None, 3), name="picture")
    x = _conv(picture, filters, "conv_in", kernel_size=7)  # [N, H, W, f]
    x = _activate(x, "conv_in")
    for level in range(3):
        x = _conv(x, filters * 2**level, f"level_{level}_down", strides=2)
        x = _denormalise(x, f"level_{level}_down")
        x = _conv(x, filters * 2 ** (level + 1), f"level_{level}")  # [N, H/2^(i+1), W/2^(i+1), f*2^(i+1)]
        x = _denormalise(x, f"level_{level}")
    x = _conv(x, 1, "logit", kernel_size=1)  # [N, H/8, W/8, 1]
    x = tf.keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    return tf.keras.Model(picture, x, name=name)


def _conv(x, filters, name, kernel_size=3, strides=1):
    return SpectralNormalization(ReflectConv2D(filters, kernel_size, strides, name="conv"), name=f"{name}_conv")(x)


def _activate(x, name):
    return tf.keras.layers.LeakyReLU(0.2, name=f"{name}_lrelu")(x)


def _denormalise(x, name):
    return _activate(SpectralNormalization(LADE(name="lade"), name=f"{name}_lade")(x), name)
