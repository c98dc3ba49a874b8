import pytest
import tensorflow as tf

from animegan3_tf.comparison.speed import count_flops
from animegan3_tf.networks import build_generator


def counted(function, *shapes):
    return count_flops(tf.function(function).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)))


def conv(x, kernel, strides=1, padding="SAME"):
    return tf.nn.conv2d(x, kernel, strides, padding)


def test_a_convolution():
    """Every one of 2*5*6*4 output values sums 3*3*3 products."""
    assert counted(conv, [2, 5, 6, 3], [3, 3, 3, 4]) == 2 * (2 * 5 * 6 * 4) * (3 * 3 * 3) == 12960


def test_a_strided_convolution():
    assert counted(lambda x, k: conv(x, k, 2, "VALID"), [1, 9, 9, 2], [3, 3, 2, 5]) == 2 * (4 * 4 * 5) * (3 * 3 * 2)


def test_a_depthwise_convolution():
    """Every one of 1*4*4*6 values takes 3*3 products."""

    def depthwise(x, kernel):
        return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")

    assert counted(depthwise, [1, 6, 6, 6], [3, 3, 6, 1]) == 2 * (4 * 4 * 6) * (3 * 3)


def test_matrix_products():
    assert counted(tf.matmul, [3, 4], [4, 5]) == 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [4, 3], [4, 5]) == 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [7, 4, 3], [7, 4, 5]) == 7 * 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.einsum("nhwc,cd->nhwd", a, b), [2, 3, 4, 5], [5, 6]) == 2 * 2 * 3 * 4 * 5 * 6
    assert counted(lambda a, b: tf.einsum("...ij,jk->...ik", a, b), [7, 3, 4], [4, 5]) == 7 * 2 * 3 * 4 * 5


def test_called_functions_and_branches_count_and_what_nobody_reads_does_not():
    inner = tf.function(tf.matmul, autograph=False, experimental_attributes={"_noinline": True})

    def outer(x):
        tf.matmul(x, x)
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: inner(x, x), lambda: x)
        return y + inner(y, x)

    assert counted(outer, [3, 3]) == 2 * 2 * 3 * 3 * 3


def test_sizes_must_be_known():
    with pytest.raises(ValueError, match="fixed sizes"):
        counted(conv, [None, None, None, 3], [3, 3, 3, 4])


def test_the_deployed_generator():
    """Multiply-adds of base and main tail by hand; LADE's covariance costs H*W*C*C a block."""
    full, half, quarter, eighth = 256**2, 128**2, 64**2, 32**2
    k = 9
    convolutions = (
        full * 49 * 3 * 32
        + half * k * (32 * 32 + 32 * 64)
        + quarter * k * (64 * 64 + 64 * 128)
        + eighth * k * (128 * 128 + 128 * 128)
        + quarter * k * (128 * 128 + 128 * 128)
        + half * k * (128 * 64 + 64 * 64)
        + full * k * (64 * 32 + 32 * 32)
        + full * 49 * 32 * 3
    )
    attention = eighth * 4 * 128 * 128
    moments = 3 * full * 32**2 + half * (32**2 + 3 * 64**2) + quarter * (64**2 + 3 * 128**2) + 2 * eighth * 128**2
    by_hand = 2 * (convolutions + attention + moments)

    function = tf.function(build_generator(tails="main"))
    count = count_flops(function.get_concrete_function(tf.TensorSpec([1, 256, 256, 3])))
    assert count == pytest.approx(by_hand, rel=0.002)  # C x C products are not in the count by hand
    assert round(count / 1e9, 1) == 14.8
