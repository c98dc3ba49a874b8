import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import LADE


@pytest.mark.parametrize("form", ["covariance", "direct"])
def test_contract(form, tmp_path):
    check_layer(lambda: LADE(form=form), tmp_path=tmp_path)


@pytest.mark.parametrize("form", ["covariance", "direct"])
def test_two_pixels_by_hand(form):
    # x = (0, 2): mean 1, variance 1. t = 3x = (0, 6): mean 3, variance 9. y = (x - 1) / 1 * 3 + 3 = (0, 6).
    layer = LADE(form=form)
    layer.build((None, None, None, 1))
    layer.set_weights([np.full([1, 1, 1, 1], 3.0)])
    y = layer(tf.constant([0.0, 2.0], shape=[1, 1, 2, 1]))
    np.testing.assert_allclose(np.ravel(y), [0.0, 6.0], atol=1e-4)


@pytest.mark.parametrize("form", ["covariance", "direct"])
def test_an_epsilon_by_hand(form):
    # as above, with 3 beside both variances: y = (x - 1) / sqrt(1 + 3) * sqrt(9 + 3) + 3 = 3 -+ sqrt(3)
    layer = LADE(form=form, epsilon=3.0)
    layer.build((None, None, None, 1))
    layer.set_weights([np.full([1, 1, 1, 1], 3.0)])
    y = layer(tf.constant([0.0, 2.0], shape=[1, 1, 2, 1]))
    np.testing.assert_allclose(np.ravel(y), [3.0 - 3.0**0.5, 3.0 + 3.0**0.5], atol=1e-5)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 100.0])
def test_forms_agree(scale):
    covariance, direct = LADE(form="covariance"), LADE(form="direct")
    x = scale * tf.random.stateless_normal([2, 24, 40, 32], seed=(1, 2)) + 3.0 * scale
    covariance(x)
    direct(x)
    direct.set_weights(covariance.get_weights())
    np.testing.assert_allclose(covariance(x), direct(x), atol=1e-4 * max(scale, 1.0))


@pytest.mark.parametrize("form", ["covariance", "direct"])
def test_gradients_agree_with_the_textbook_form(form):
    layer = LADE(form=form)
    x = tf.random.stateless_normal([2, 8, 8, 3], seed=(5, 6))
    target = tf.random.stateless_normal([2, 8, 8, 3], seed=(7, 8))
    layer(x)

    def textbook(x, kernel):
        t = tf.einsum("nhwc,cd->nhwd", x, kernel[0, 0])
        (mean, variance), (t_mean, t_variance) = (tf.nn.moments(m, [1, 2], keepdims=True) for m in (x, t))
        return (x - mean) / tf.sqrt(variance + 1e-5) * tf.sqrt(t_variance + 1e-5) + t_mean

    gradients = []
    for function in (lambda: layer(x), lambda: textbook(x, layer.kernel)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(function() * target)
        gradients.append(tape.gradient(loss, [x, layer.kernel]))
    for ours, expected in zip(*gradients):
        np.testing.assert_allclose(ours, expected, atol=1e-3)


@pytest.mark.parametrize("form", ["covariance", "direct"])
def test_compiled_on_the_cpu_forwards_and_backwards(form):
    """TF 2.15's oneDNN rewrite kills the process on the textbook order of operations; ours must not meet it."""
    layer = LADE(form=form)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.leaky_relu(layer(x), 0.2)
            loss = tf.reduce_mean(y)
        return y, tape.gradient(loss, x)

    y, gradient = step(tf.random.stateless_normal([1, 32, 32, 8], seed=(1, 2)))
    assert np.isfinite(y).all()
    assert np.isfinite(gradient).all()


def test_a_constant_map_stays_finite():
    layer = LADE()
    x = tf.ones([1, 8, 8, 4])
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x))
    assert np.isfinite(layer(x)).all()
    assert np.isfinite(tape.gradient(loss, x)).all()


def test_unknown_form():
    with pytest.raises(ValueError, match="form is 'fast'"):
        LADE(form="fast")
