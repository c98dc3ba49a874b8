import numpy as np
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import ZeroConv2D


def test_contract(tmp_path):
    check_layer(lambda: ZeroConv2D(6, 3, 2), tmp_path=tmp_path)


def test_padding_is_zeros_on_the_top_and_left_for_stride_two():
    layer = ZeroConv2D(1, 3, 2, kernel_initializer="ones")
    rows = tf.constant([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    # 0 0 0 / 0 1 2 / 0 3 4
    np.testing.assert_array_equal(np.array(layer(rows))[0, :, :, 0], [[10.0]])
