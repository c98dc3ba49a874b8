import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.filters import l0_smooth, l0_smooth_offline


def in_graph(image, *arguments, **options):
    return l0_smooth(tf.constant(image, tf.float32)[None], *arguments, **options)[0].numpy()


both_forms = pytest.mark.parametrize("smooth", [in_graph, l0_smooth_offline], ids=["graph", "offline"])


def row(*values):
    """A gray picture of one row, [1, W, 3]."""
    return np.repeat(np.array(values, np.float32)[None, :, None], 3, axis=-1)


@both_forms
@pytest.mark.parametrize("lam", [0.005, 0.02])
def test_agrees_with_upstream(reference, smooth, lam):
    expected = reference[f"l0_lambda{lam}"]
    photos = reference["rgb_uint8"] / 255.0
    difference = np.abs(np.stack([smooth(photo, lam) for photo in photos]) - expected)
    assert difference.mean() < 1e-4
    assert np.mean(difference < 5e-3) > 0.999
    # The bounds prove something only if the photos themselves are far outside.
    assert np.abs(photos - expected).mean() > 1e-2


@both_forms
def test_one_round_by_hand(smooth):
    # lam 0.25, one round at beta 0.5: gradients whose squares sum to less than 0.5 go. Here 3 * 0.2^2 = 0.12. The mean
    # 0.5 stays; the alternating part, +-0.1, is divided by 1 + beta * 4 = 3.
    result = smooth(row(0.4, 0.6), 0.25, beta_max=0.6)
    np.testing.assert_allclose(result, row(0.5 - 0.1 / 3, 0.5 + 0.1 / 3), atol=1e-6)


@both_forms
def test_strong_edge_stays(smooth):
    # Squares sum to 3, over the first threshold of 0.5 and all that follow: nothing changes.
    picture = row(0, 0, 1, 1, 1)
    np.testing.assert_allclose(smooth(picture, 0.005), picture, atol=1e-4)


@both_forms
def test_ripples_go_and_the_mean_stays(smooth):
    rng = np.random.default_rng(3)
    clean = np.zeros((24, 32, 3))
    clean[:, 16:] = 1.0
    picture = np.clip(clean * 0.8 + 0.1 + rng.uniform(-0.02, 0.02, clean.shape), 0, 1)
    result = smooth(picture, 0.02)
    for half in (result[:, :16], result[:, 16:]):
        assert half.std(axis=(0, 1)).max() < 1e-3
    assert result[:, 16:].mean() - result[:, :16].mean() > 0.79
    np.testing.assert_allclose(result.mean(axis=(0, 1)), picture.mean(axis=(0, 1)), atol=1e-5)


@both_forms
def test_constant_picture_is_unchanged(smooth):
    picture = np.broadcast_to(np.float32([0.2, 0.5, 0.9]), (9, 12, 3))
    np.testing.assert_allclose(smooth(picture, 0.02), picture, atol=1e-6)


@both_forms
def test_input_is_left_alone(smooth):
    picture = np.random.default_rng(0).random((8, 8, 3), np.float32)
    before = picture.copy()
    smooth(picture, 0.02)
    np.testing.assert_array_equal(picture, before)


@both_forms
@pytest.mark.parametrize(("lam", "kappa"), [(0.0, 2.0), (-1.0, 2.0), (0.02, 1.0)])
def test_parameters_that_would_never_end(smooth, lam, kappa):
    with pytest.raises(ValueError, match="must be above"):
        smooth(row(0, 1), lam, kappa=kappa)


def test_any_size_in_a_traced_function(noise):
    traced = tf.function(lambda images: l0_smooth(images, 0.02), input_signature=[tf.TensorSpec([None, None, None, 3])])
    for height, width in [(29, 38), (16, 17), (1, 5)]:
        pictures = noise[:2, :height, :width] / np.float32(255)
        expected = [l0_smooth_offline(picture, 0.02) for picture in pictures]
        assert np.abs(traced(pictures) - expected).mean() < 1e-4


def test_batch_equals_singles(noise):
    pictures = tf.constant(noise / 255.0, tf.float32)
    singles = tf.concat([l0_smooth(pictures[i : i + 1], 0.02) for i in range(3)], axis=0)
    np.testing.assert_allclose(l0_smooth(pictures, 0.02), singles, atol=1e-6)


def test_half_precision_is_computed_in_float32(noise):
    pictures = tf.constant(noise / 255.0, tf.float16)
    result = l0_smooth(pictures, 0.02)
    assert result.dtype == tf.float16
    np.testing.assert_array_equal(result, tf.cast(l0_smooth(tf.cast(pictures, tf.float32), 0.02), tf.float16))


def test_no_gradient_flows():
    images = tf.Variable(tf.random.stateless_uniform([1, 8, 8, 3], [1, 2]))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(l0_smooth(images, 0.02))
    assert tape.gradient(loss, images) is None
