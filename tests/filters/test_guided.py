import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.filters import guided_filter


@pytest.mark.parametrize(
    ("radius", "eps", "name"),
    [(2, 0.01, "guided_r2_eps0.01"), (4, 0.04, "guided_r4_eps0.04"), (2, 0.01, "guided_r2_eps0.01_float64")],
)
def test_agrees_with_upstream(reference, radius, eps, name):
    photos = reference["guided_input_01"]
    np.testing.assert_allclose(guided_filter(photos, radius, eps), reference[name], atol=1e-3, rtol=0)
    assert np.abs(photos - reference[name]).max() > 0.1


def test_two_pixels_by_hand():
    # Every window is both pixels: mean 1/2, variance 1/4; slope (1/4) / (1/4 + 1/4) = 1/2, offset 1/4.
    result = guided_filter(tf.constant([0.0, 1.0], shape=[1, 1, 2, 1]), 1, 0.25)
    np.testing.assert_allclose(np.ravel(result), [0.25, 0.75], atol=1e-6)


def test_three_pixels_by_hand():
    # Windows {0, 0}, {0, 0, 1}, {0, 1} with eps 2/9: slopes 0, 1/2, 9/17 and offsets 0, 1/6, 4/17. Their means over the
    # same windows give 1/12, 41/306 and 35/68 + 41/204 = 73/102.
    result = guided_filter(tf.constant([0.0, 0.0, 1.0], shape=[1, 1, 3, 1]), 1, 2 / 9)
    np.testing.assert_allclose(np.ravel(result), [1 / 12, 41 / 306, 73 / 102], atol=1e-6)


def test_constant_picture_is_unchanged():
    picture = tf.broadcast_to(tf.constant([0.2, 0.5, 0.9]), [1, 9, 12, 3])
    np.testing.assert_allclose(guided_filter(picture, 2, 0.01), picture, atol=1e-6)


def test_gradient_agrees_with_finite_differences():
    images = tf.random.stateless_uniform([1, 4, 5, 2], [1, 2])
    (analytic,), (numeric,) = tf.test.compute_gradient(lambda x: guided_filter(x, 1, 0.1), [images], delta=1e-2)
    np.testing.assert_allclose(analytic, numeric, atol=2e-3)
    assert np.abs(analytic).max() > 0.3


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradient_is_finite_on_a_flat_picture(value):
    images = tf.Variable(tf.fill([1, 8, 8, 3], value))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(guided_filter(images, 2, 0.01) ** 2)
    assert np.all(np.isfinite(tape.gradient(loss, images)))


def test_any_size_in_a_traced_function(noise):
    signature = [tf.TensorSpec([None, None, None, 3])]
    traced = tf.function(lambda images: guided_filter(images, 2, 0.01), input_signature=signature)
    for height, width in [(29, 38), (3, 5), (1, 1)]:
        pictures = noise[:2, :height, :width] / np.float32(255)
        np.testing.assert_allclose(traced(pictures), guided_filter(pictures, 2, 0.01), atol=1e-6)


def test_batch_equals_singles(noise):
    pictures = tf.constant(noise / 255.0, tf.float32)
    singles = tf.concat([guided_filter(pictures[i : i + 1], 2, 0.01) for i in range(3)], axis=0)
    np.testing.assert_allclose(guided_filter(pictures, 2, 0.01), singles, atol=1e-6)


def test_half_precision_is_computed_in_float32(noise):
    pictures = tf.constant(noise / 255.0, tf.float16)
    result = guided_filter(pictures, 2, 0.01)
    assert result.dtype == tf.float16
    in_full = guided_filter(tf.cast(pictures, tf.float32), 2, 0.01)
    np.testing.assert_array_equal(result, tf.cast(in_full, tf.float16))
