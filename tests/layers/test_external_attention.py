import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import ExternalAttention
from animegan3_tf.models.weights import weight_name


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
def test_contract(norm, tmp_path):
    check_layer(lambda: ExternalAttention(memory=5, norm=norm), tmp_path=tmp_path)


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
def test_given_its_own_statistics_it_is_the_same(norm):
    layer, x = ExternalAttention(memory=3, norm=norm), tf.random.stateless_normal([1, 8, 8, 4], (1, 2))
    expected = layer(x)
    statistics = layer.statistics(x)
    assert [tuple(one.shape) for one in statistics] == layer.statistics_shapes()
    np.testing.assert_allclose(layer.apply(x, *statistics), expected, atol=1e-6)


def test_an_unknown_norm():
    with pytest.raises(ValueError, match="norm is 'group'; it must be one of batch, instance, layer"):
        ExternalAttention(norm="group")


def test_two_pixels_by_hand():
    """One channel, two memory slots K = (1, 0), inner convolutions 1, untrained batch norm divided by sqrt(1.001).

    Pixels 0 and ln 3: the logits of slot 1 are (0, ln 3), softmax over pixels (1/4, 3/4); of slot 2 (1/2, 1/2).
    Divided by their sum over slots, slot 1 is (1/3, 3/5); times K that is the output before the norm.
    """
    layer = ExternalAttention(memory=2)
    layer.build((None, None, None, 1))
    values = {"norm/gamma": [1.0], "norm/beta": [0.0], "norm/moving_mean": [0.0], "norm/moving_variance": [1.0]}
    for weight in layer.weights:
        name = weight_name(weight)
        if weight.shape == (1, 2):
            weight.assign([[1.0, 0.0]])
        elif name.endswith("kernel"):
            weight.assign(tf.ones(weight.shape))
        else:
            weight.assign(values["norm/" + name.rsplit("/", 1)[-1]])
    x = np.array([0.0, np.log(3.0)], np.float32)
    expected = np.array([1 / 3, 3 / 5]) / np.sqrt(1.001) + x
    np.testing.assert_allclose(np.ravel(layer(x.reshape(1, 1, 2, 1))), expected, rtol=1e-5)


def test_training_uses_batch_moments():
    layer = ExternalAttention(memory=3)
    x = tf.random.stateless_normal([4, 8, 8, 6], seed=(1, 2))
    outputs = layer(x, training=True), layer(x, training=False)
    assert np.abs(outputs[0] - outputs[1]).max() > 0.1
