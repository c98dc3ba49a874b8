"""`LayerNorm` and `InstanceNorm`, which differ in the axes of their moments."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import InstanceNorm, LayerNorm


@pytest.mark.parametrize("make", [LayerNorm, InstanceNorm])
def test_contract(make, tmp_path):
    check_layer(make, tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        # one mean of 4 and one variance of (9 + 1 + 1 + 9) / 4 = 5 over both channels
        (LayerNorm, [[-3 / 5**0.5, 1 / 5**0.5], [-1 / 5**0.5, 3 / 5**0.5]]),
        # the first channel is 2 -+ 1, the second 6 -+ 1
        (InstanceNorm, [[-1.0, -1.0], [1.0, 1.0]]),
    ],
)
def test_one_row_by_hand(make, expected):
    layer = make(epsilon=1e-12)
    row = tf.constant([[1.0, 5.0], [3.0, 7.0]])[None, None]
    np.testing.assert_allclose(np.array(layer(row))[0, 0], expected, rtol=1e-5)
    layer.gamma.assign([2.0, 2.0])
    layer.beta.assign([0.5, 0.5])
    np.testing.assert_allclose(np.array(layer(row))[0, 0], 2.0 * np.array(expected) + 0.5, rtol=1e-5)


@pytest.mark.parametrize("make", [LayerNorm, InstanceNorm])
def test_it_is_the_librarys_function(make):
    """The one of Keras or TensorFlow Addons, whose weights it has."""
    layer = make(epsilon=1e-3)
    x = tf.random.stateless_normal([2, 9, 7, 6], (1, 2), mean=3.0)
    layer.build(x.shape)
    layer.gamma.assign(tf.random.stateless_normal([6], (3, 4)))
    layer.beta.assign(tf.random.stateless_normal([6], (5, 6)))
    theirs = make.__mro__[2].call
    np.testing.assert_allclose(layer(x), theirs(layer, x), atol=2e-5)


@pytest.mark.parametrize("make", [LayerNorm, InstanceNorm])
def test_statistics_have_the_shapes_they_announce(make):
    layer = make()
    x = tf.random.stateless_normal([1, 8, 8, 4], (1, 2))
    layer.build(x.shape)
    assert [tuple(s.shape) for s in layer.statistics(x)] == layer.statistics_shapes()
