import numpy as np
import pytest

from animegan3_tf.evaluation.distances import Moments, frechet_distance, frechet_of_gaussians, moments_of


def features(seed, count=300, dimension=8, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dimension)) @ rng.normal(size=(dimension, dimension)) + shift


@pytest.mark.parametrize(
    ("mean_a", "covariance_a", "mean_b", "covariance_b", "expected"),
    [
        (np.zeros(2048), np.eye(2048), np.ones(2048), np.eye(2048), 2048.0),
        (np.zeros(8), 4 * np.eye(8), np.zeros(8), 9 * np.eye(8), 8.0),
        (np.zeros(2), np.diag([1.0, 0.0]), np.zeros(2), np.diag([0.0, 1.0]), 2.0),
        (np.zeros(2), [[2.0, 1.0], [1.0, 2.0]], np.array([1.0, -1.0]), np.diag([1.0, 3.0]), 2.51668522645),
    ],
)
def test_gaussians_worked_out_by_hand(mean_a, covariance_a, mean_b, covariance_b, expected):
    assert frechet_of_gaussians(mean_a, np.array(covariance_a), mean_b, np.array(covariance_b)) == pytest.approx(
        expected, rel=1e-10
    )


def test_four_points_worked_out_by_hand():
    # means (1, 1) and (2, 1); unbiased covariances diag(2, 0) and diag(8, 0): 1 + 2 + 8 - 2 * 4
    assert frechet_distance(np.array([[0.0, 1], [2, 1]]), np.array([[0.0, 1], [4, 1]])) == pytest.approx(3.0)


@pytest.mark.parametrize("count", [5, 8, 300])
def test_a_set_is_at_no_distance_from_itself_in_any_order(count):
    x = features(1, count)
    assert frechet_distance(x, x[::-1]) == pytest.approx(0.0, abs=1e-6)


def test_the_distance_is_symmetric():
    a, b = features(1), features(2, shift=1.0)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_the_order_of_pictures_does_not_matter():
    a, b = features(1), features(2, shift=1.0)
    shuffled = np.random.default_rng(3).permutation(a)
    assert frechet_distance(shuffled, b) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_streaming_equals_batch_far_from_zero():
    x = features(1, 1000) + 1e6
    pieces = Moments(8)
    for piece in np.split(x, [1, 1, 17, 600]):  # an empty one among them
        pieces.update(piece)
    assert pieces.count == 1000
    np.testing.assert_allclose(pieces.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(pieces.covariance, np.cov(x.T), rtol=1e-6)
    np.testing.assert_allclose(moments_of(x, piece=7).covariance, np.cov(x.T), rtol=1e-6)
    some = moments_of(x, rows=np.arange(3, 900, 2), piece=7)
    np.testing.assert_allclose(some.covariance, np.cov(x[3:900:2].T), rtol=1e-6)


@pytest.mark.parametrize("counts", [(20, 30), (20, 300), (300, 20)])
def test_fewer_pictures_than_features_give_what_the_covariances_give(counts):
    a, b = features(1, counts[0], 64), features(2, counts[1], 64, shift=0.5)
    expected = frechet_of_gaussians(a.mean(axis=0), np.cov(a.T), b.mean(axis=0), np.cov(b.T))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.addons
@pytest.mark.parametrize("counts", [(300, 200), (40, 40)])
def test_tf_gan_agrees(counts):
    from tensorflow_gan import eval as tfgan

    a, b = features(1, counts[0], 64), features(2, counts[1], 64, shift=0.5)
    expected = float(tfgan.frechet_classifier_distance_from_activations(a, b))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("a", "b"), [((1, 4), (5, 4)), ((5, 4), (5, 3)), ((5,), (5,))])
def test_what_is_no_pair_of_sets_is_refused(a, b):
    with pytest.raises(ValueError, match="features must be"):
        frechet_distance(np.zeros(a), np.zeros(b))
