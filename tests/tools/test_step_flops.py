import pytest
import tensorflow as tf
from benchmarks.step_flops import count_step_flops


def counted(function, *shapes):
    return count_step_flops(tf.function(function).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)))


def conv(x, kernel, strides=1, padding="SAME"):
    return tf.nn.conv2d(x, kernel, strides, padding)


def test_a_convolution():
    """Every one of 2*5*6*4 output values sums 3*3*3 products."""
    count = counted(conv, [2, 5, 6, 3], [3, 3, 3, 4])
    assert count.by_operation == {"Conv2D": 2 * (2 * 5 * 6 * 4) * (3 * 3 * 3)}
    assert count.total == 12960


def test_a_strided_convolution():
    count = counted(lambda x, k: conv(x, k, 2, "VALID"), [1, 9, 9, 2], [3, 3, 2, 5])
    assert count.total == 2 * (4 * 4 * 5) * (3 * 3 * 2)


def test_a_depthwise_convolution_and_its_gradients():
    """Every one of 1*4*4*6 values takes 3*3 products; each gradient costs the same."""

    def depthwise(x, kernel):
        return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "VALID")

    def gradients(x, kernel):
        return tf.gradients(tf.square(depthwise(x, kernel)), [x, kernel])

    once = 2 * (4 * 4 * 6) * (3 * 3)
    shapes = [1, 6, 6, 6], [3, 3, 6, 1]
    assert counted(depthwise, *shapes).by_operation == {"DepthwiseConv2dNative": once}
    count = counted(gradients, *shapes).by_operation
    assert count["DepthwiseConv2dNativeBackpropInput"] == once
    assert count["DepthwiseConv2dNativeBackpropFilter"] == once


def test_each_gradient_of_a_convolution_costs_what_the_convolution_does():
    def gradients(x, kernel):
        y = tf.square(conv(x, kernel))
        return tf.gradients(y, [x, kernel])

    assert counted(gradients, [2, 5, 6, 3], [3, 3, 3, 4]).by_operation == {
        "Conv2D": 12960,
        "Conv2DBackpropInput": 12960,
        "Conv2DBackpropFilter": 12960,
    }


def test_a_gradient_that_nobody_reads_is_not_counted():
    def gradient(x, kernel):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            y = tf.square(conv(x, kernel))
        return tape.gradient(y, [x, kernel])[0]

    assert set(counted(gradient, [2, 5, 6, 3], [3, 3, 3, 4]).by_operation) == {"Conv2D", "Conv2DBackpropInput"}


def test_matrix_products():
    assert counted(tf.matmul, [3, 4], [4, 5]).total == 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [4, 3], [4, 5]).total == 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.matmul(a, b, transpose_a=True), [7, 4, 3], [7, 4, 5]).total == 7 * 2 * 3 * 4 * 5
    assert counted(lambda a, b: tf.einsum("nhwc,cd->nhwd", a, b), [2, 3, 4, 5], [5, 6]).total == 2 * 2 * 3 * 4 * 5 * 6
    assert counted(lambda a, b: tf.einsum("...ij,jk->...ik", a, b), [7, 3, 4], [4, 5]).total == 7 * 2 * 3 * 4 * 5


def test_fourier_transforms():
    """5 n log2 n for n complex points; 8*16 points have log2 = 7."""
    assert counted(lambda x: tf.signal.fft2d(tf.cast(x, tf.complex64)), [3, 8, 16]).total == 3 * 5 * 128 * 7
    there = 3 * 320 * 7  # half of 5 * 128 for real points
    assert counted(tf.signal.rfft2d, [3, 8, 16]).total == there
    assert counted(lambda x: tf.signal.irfft2d(tf.signal.rfft2d(x), [8, 16]), [3, 8, 16]).total == 2 * there


def test_a_loop_with_a_known_length_counts_every_trip():
    def loop(x):
        return tf.while_loop(lambda i, _: i < 7, lambda i, y: (i + 2, tf.matmul(y, y)), (0, x))[1]

    count = counted(loop, [3, 3])
    assert count.by_operation == {"MatMul": 4 * 2 * 3 * 3 * 3}  # i = 0, 2, 4, 6
    assert count.excluded == {}


def test_a_loop_of_unknown_length_is_excluded_by_name():
    def loop(x):
        return tf.while_loop(lambda y: tf.reduce_sum(y) < 7.0, lambda y: (tf.matmul(y, y),), (x,))[0]

    count = counted(loop, [3, 3])
    assert (count.total, count.excluded) == (0, {"loop of unknown length": 1})


def test_called_functions_branches_and_host_functions():
    inner = tf.function(tf.matmul, autograph=False, experimental_attributes={"_noinline": True})

    def outer(x):
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: inner(x, x), lambda: x)
        return tf.numpy_function(abs, [y + inner(y, x)], tf.float32)

    count = counted(outer, [3, 3])
    assert count.by_operation == {"MatMul": 2 * 2 * 3 * 3 * 3}
    assert count.excluded == {"host function": 1}


def test_sizes_must_be_known():
    with pytest.raises(ValueError, match="fixed sizes"):
        counted(conv, [None, None, None, 3], [3, 3, 3, 4])
