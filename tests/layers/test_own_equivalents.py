"""What stands in for TensorFlow Addons and TF-GAN where they do not import equals them where they do."""

import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.data.dataset import own_rotate, rotate
from animegan3_tf.evaluation import inception
from animegan3_tf.layers import InstanceNorm, ReflectConv2D, SpectralNormalization
from animegan3_tf.layers.normalization import MomentNorm, OwnInstanceNormalization
from animegan3_tf.layers.spectral_normalization import Normalised, OwnWrapper
from animegan3_tf.losses.adversarial import OwnLosses, tfgan
from animegan3_tf.models.weights import weight_name

pytestmark = pytest.mark.addons
X = tf.random.stateless_normal([2, 8, 6, 3], seed=(1, 2))


class OwnSpectral(Normalised, OwnWrapper):
    pass


class OwnInstance(MomentNorm, OwnInstanceNormalization):
    pass


def in_a_model(layer):
    image = tf.keras.Input((None, None, 3))
    return tf.keras.Model(image, layer(image))


def test_spectral_normalisation():
    models = [in_a_model(kind(ReflectConv2D(4), name="conv")) for kind in (SpectralNormalization, OwnSpectral)]
    named = [{weight_name(weight): weight for weight in model.weights} for model in models]
    assert named[0].keys() == named[1].keys() == {"conv/kernel", "conv/sn_u"}
    assert [w.shape for w in models[0].trainable_weights] == [w.shape for w in models[1].trainable_weights]
    for name, weight in named[0].items():
        named[1][name].assign(weight)
    for training in (False, True, True):
        np.testing.assert_array_equal(*(model(X, training=training) for model in models))
    np.testing.assert_array_equal(named[0]["conv/sn_u"], named[1]["conv/sn_u"])
    configs = [model.layers[1].get_config() for model in models]
    assert configs[0]["power_iterations"] == configs[1]["power_iterations"] == 1


def test_instance_normalisation():
    layers = InstanceNorm(epsilon=1e-3), OwnInstance(epsilon=1e-3)
    np.testing.assert_array_equal(*(layer(X) for layer in layers))
    assert [[w.shape for w in layer.weights] for layer in layers] == [[(3,), (3,)]] * 2


@pytest.mark.parametrize("angle", [0.0, 0.1, -0.3, 1.5707964])
def test_rotation(angle):
    image, turn = tf.random.stateless_uniform([9, 14, 3], seed=(3, 4)), tf.constant(angle)
    np.testing.assert_allclose(own_rotate(image, turn), rotate(image, turn), atol=1e-6)


def test_losses():
    real, fake = X, X[::-1] * 2.0
    np.testing.assert_allclose(*(of.wasserstein_generator_loss(fake) for of in (OwnLosses, tfgan)), rtol=1e-6)
    np.testing.assert_allclose(*(of.least_squares_generator_loss(fake, 0.9) for of in (OwnLosses, tfgan)), rtol=1e-6)
    for weights in ({"generated_weights": 0.0}, {"real_weights": 0.0}, {}):
        both = (of.wasserstein_hinge_discriminator_loss(real, fake, **weights) for of in (OwnLosses, tfgan))
        np.testing.assert_allclose(*both, rtol=1e-6)


def test_constants_of_inception():
    constants = (inception.INCEPTION_TFHUB, inception.INCEPTION_FINAL_POOL, inception.SIDE)
    assert constants == ("https://tfhub.dev/tensorflow/tfgan/eval/inception/1", "pool_3", 299)
