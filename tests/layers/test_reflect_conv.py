import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import ReflectConv2D


@pytest.mark.parametrize(("kernel_size", "strides"), [(1, 1), (3, 1), (3, 2), (7, 1)])
def test_contract(kernel_size, strides, tmp_path):
    check_layer(lambda: ReflectConv2D(6, kernel_size, strides), tmp_path=tmp_path)


def ones_layer(kernel_size, strides):
    layer = ReflectConv2D(1, kernel_size, strides, kernel_initializer="ones")
    return lambda rows: np.array(layer(tf.constant(rows, tf.float32)[None, :, :, None]))[0, :, :, 0]


def test_stride_one_pads_one_on_every_side():
    # rows reflect to 2 1 2 1, columns likewise; each output sums a 3x3 window of the 4x4 padded image
    result = ones_layer(3, 1)([[1.0, 2.0], [3.0, 4.0]])
    # padded rows: 4 3 4 3 / 2 1 2 1 / 4 3 4 3 / 2 1 2 1
    np.testing.assert_array_equal(result, [[27.0, 24.0], [21.0, 18.0]])


def test_stride_two_pads_top_and_left_only():
    # one output window: rows (1, 0, 1) and columns (1, 0, 1) of [[1, 2], [3, 4]] -> 4 3 4 / 2 1 2 / 4 3 4
    np.testing.assert_array_equal(ones_layer(3, 2)([[1.0, 2.0], [3.0, 4.0]]), [[27.0]])


def test_a_kernel_smaller_than_its_stride_is_refused():
    with pytest.raises(ValueError, match="smaller than strides"):
        ReflectConv2D(4, kernel_size=1, strides=2)


def test_the_larger_side_may_be_the_bottom_and_right():
    # one output window: rows (0, 1, 0) and columns (0, 1, 0) of [[1, 2], [3, 4]] -> 1 2 1 / 3 4 3 / 1 2 1
    layer = ReflectConv2D(1, 3, 2, kernel_initializer="ones", larger_side="after")
    rows = tf.constant([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    np.testing.assert_array_equal(np.array(layer(rows))[0, :, :, 0], [[18.0]])


def test_a_bias_is_added():
    layer = ReflectConv2D(2, 1, use_bias=True, kernel_initializer="ones")
    layer.build((None, None, None, 1))
    layer.bias.assign([10.0, 20.0])
    np.testing.assert_array_equal(np.ravel(layer(tf.ones([1, 1, 2, 1]))), [11.0, 21.0, 11.0, 21.0])


def test_an_unknown_side_is_refused():
    with pytest.raises(ValueError, match="larger_side is 'left'"):
        ReflectConv2D(4, larger_side="left")
