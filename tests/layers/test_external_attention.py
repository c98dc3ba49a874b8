import numpy as np
import tensorflow as tf
from layer_contract import check_layer

from animegan3_tf.layers import ExternalAttention


def test_contract(tmp_path):
    check_layer(lambda: ExternalAttention(memory=5), tmp_path=tmp_path)


def test_two_pixels_by_hand():
    """One channel, two memory slots K = (1, 0), inner convolutions 1, untrained batch norm divided by sqrt(1.001).

    Pixels 0 and ln 3: the logits of slot 1 are (0, ln 3), softmax over pixels (1/4, 3/4); of slot 2 (1/2, 1/2).
    Divided by their sum over slots, slot 1 is (1/3, 3/5); times K that is the output before the norm.
    """
    layer = ExternalAttention(memory=2)
    layer.build((None, None, None, 1))
    values = {"norm/gamma": [1.0], "norm/beta": [0.0], "norm/moving_mean": [0.0], "norm/moving_variance": [1.0]}
    for weight in layer.weights:
        name = weight.name.split(":")[0]
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
