import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import ReflectDepthwiseConv2D


@pytest.mark.parametrize(("strides", "use_bias"), [(1, True), (2, False)])
def test_contract(strides, use_bias, tmp_path):
    check_layer(lambda: ReflectDepthwiseConv2D(strides, use_bias), tmp_path=tmp_path)


def test_channels_are_convolved_apart_with_their_bias():
    layer = ReflectDepthwiseConv2D(use_bias=True, kernel_initializer="ones")
    image = tf.constant([[[1.0, 10.0], [2.0, 20.0]], [[3.0, 30.0], [4.0, 40.0]]])[None]
    layer.build(image.shape)
    layer.bias.assign([0.5, -1.0])
    # as for ReflectConv2D: 27 24 / 21 18 of the first channel, ten times that of the second
    result = np.array(layer(image))[0]
    np.testing.assert_array_equal(result[..., 0], [[27.5, 24.5], [21.5, 18.5]])
    np.testing.assert_array_equal(result[..., 1], [[269.0, 239.0], [209.0, 179.0]])


def test_stride_two_pads_bottom_and_right_only():
    layer = ReflectDepthwiseConv2D(strides=2, kernel_initializer="ones")
    rows = tf.constant([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    np.testing.assert_array_equal(np.array(layer(rows))[0, :, :, 0], [[18.0]])
