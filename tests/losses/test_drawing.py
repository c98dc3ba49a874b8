"""Losses against a drawing, on tensors small enough to reckon by hand."""

import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf import losses


def grey(rows):
    """[1, H, W, 3] of rows of grey values."""
    return tf.repeat(tf.constant(rows, tf.float32)[None, ..., None], 3, axis=-1)


def test_ink_weighs_by_its_difference_to_its_surroundings():
    """One dark pixel of -0.8 among nine of 0.1: the 3x3 mean is 0 there; in a corner it counts four pixels."""
    drawing = grey([[0.1, 0.1, 0.1], [0.1, -0.8, 0.1], [0.1, 0.1, 0.1]])
    weights = losses.ink_weights(drawing, ink=5.0, contrast=1.6, window=3).numpy()[0, ..., 0]
    assert weights[1, 1] == pytest.approx(1 + 5 * 0.8 / 1.6, rel=1e-3)  # luma's weights add up to 0.9999
    corner = 0.1 - (3 * 0.1 - 0.8) / 4
    assert weights[0, 0] == pytest.approx(1 + 5 * corner / 1.6, rel=1e-3)
    edge = 0.1 - (5 * 0.1 - 0.8) / 6
    assert weights[0, 1] == pytest.approx(1 + 5 * edge / 1.6, rel=1e-3)


def test_ink_is_full_at_its_contrast_and_nothing_weighs_less_than_one():
    drawing = grey([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0]])
    assert losses.ink_weights(drawing, window=3).numpy()[0, 1, 1, 0] == pytest.approx(6.0)
    np.testing.assert_allclose(losses.ink_weights(tf.fill([1, 20, 20, 3], 0.3)), 1.0, atol=1e-5)


def test_ink_looks_as_far_as_the_window_says():
    """A dark column 6 pixels away is within 13 pixels, one 7 pixels away is not."""
    line = np.full((1, 15, 15, 3), 0.5, np.float32)
    line[:, :, 13] = -0.5
    weights = losses.ink_weights(tf.constant(line)).numpy()[0, 7, :, 0]
    assert weights[6] == pytest.approx(1.0, abs=1e-5)
    assert weights[7] > 1.01


def test_weighted_l1():
    x, y = grey([[0.0, 1.0]]), grey([[0.5, 0.0]])
    weights = tf.constant([[[[1.0], [3.0]]]])
    assert float(losses.l1_loss(x, y, weights)) == pytest.approx((1 * 0.5 + 3 * 1.0) / 2)


def test_weighted_features_of_half_precision():
    x, y = (tf.cast(one, tf.float16) for one in (grey([[0.0, 1.0]]), grey([[0.5, 0.0]])))
    weights = tf.constant([[[[1.0], [3.0]]]])
    assert float(losses.feature_distance(x, y, 2.0, weights)) == pytest.approx(2.0 * (1 * 0.5 + 3 * 1.0) / 2)


def test_neighbour_differences():
    """The error is 0, 1, 3 in a column: at distance 1 differences of 1 and 2, at 2 one of 3; none across."""
    x, y = grey([[0.0] * 3, [1.0] * 3, [3.0] * 3]), grey([[0.0] * 3] * 3)
    assert float(losses.neighbour_difference_loss(x, y)) == pytest.approx(1.5 + 3.0)
    turned = tf.transpose(x, [0, 2, 1, 3])
    assert float(losses.neighbour_difference_loss(turned, y, distances=(1,))) == pytest.approx(1.5)
    assert float(losses.neighbour_difference_loss(x + 0.5, x)) == pytest.approx(0.0)


def test_block_means_ignore_differences_within_a_block():
    x = grey([[1.0, -1.0, 0.5, 0.5], [-1.0, 1.0, 0.5, 0.5]])
    assert float(losses.block_mean_loss(x, tf.zeros_like(x), side=2)) == pytest.approx((0.0 + 0.5) / 2)
