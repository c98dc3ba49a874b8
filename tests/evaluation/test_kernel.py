import numpy as np
import pytest

from animegan3_tf.evaluation import distances
from animegan3_tf.evaluation.distances import kernel_distance

A, B = np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 1], [0, 0]])


def test_two_pairs_worked_out_by_hand():
    # (x . y / 2 + 1)^3: unbiased 1 + 1 - 2 * 2.1875; biased 2.1875 + 2.75 - 2 * 2.1875
    assert kernel_distance(A, B) == pytest.approx(-2.375, abs=1e-12)
    assert kernel_distance(A, B, unbiased=False) == pytest.approx(0.5625, abs=1e-12)


def test_pieces_and_order_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 6)), rng.normal(size=(70, 6)) + 1
    whole = kernel_distance(a, b)
    monkeypatch.setattr(distances, "_PIECE", 7)
    assert kernel_distance(rng.permutation(a), b) == pytest.approx(whole, rel=1e-12)
    assert kernel_distance(b, a) == pytest.approx(whole, rel=1e-12)


def test_it_is_right_on_average_and_large_for_other_pictures():
    rng = np.random.default_rng(0)
    same = [kernel_distance(*rng.normal(size=(2, 20, 8))) for _ in range(400)]
    assert abs(np.mean(same)) < 4 * np.std(same) / 20
    assert kernel_distance(rng.normal(size=(50, 8)), rng.normal(size=(50, 8)) + 2) > 10 * np.std(same)


@pytest.mark.addons
def test_tf_gan_agrees_within_one_block():
    import tensorflow as tf
    from tensorflow_gan import eval as tfgan

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(300, 64)), rng.normal(size=(200, 64)) + 0.5
    expected = tfgan.kernel_classifier_distance_from_activations(tf.constant(a), tf.constant(b))
    assert kernel_distance(a, b) == pytest.approx(float(expected), rel=1e-4)


def test_one_picture_is_too_few():
    with pytest.raises(ValueError, match="2 rows or more"):
        kernel_distance(A[:1], B)
