"""Every loss against a hand-worked literal and against the original authors' numbers."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers.golden import golden

from animegan3_tf import losses
from animegan3_tf.models.perceptual import load_perceptual


@pytest.fixture(scope="module")
def arrays():
    return np.load(golden("v3", "losses.npz"))


@pytest.fixture(scope="module")
def document():
    return json.loads(golden("v3", "losses.json").read_text())


@pytest.fixture(scope="module")
def scalars(document):
    return document["scalars"]


@pytest.fixture(scope="module")
def network():
    return load_perceptual("random", taps=["conv2_2", "conv3_3", "conv4_4"])


def gray(images):
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(images))


def test_least_squares_by_hand():
    logits = tf.constant([1.0, 3.0], shape=[2, 1, 1, 1])
    # ((1 - 0.9)^2 + (3 - 0.9)^2) / 2 = (0.01 + 4.41) / 2
    np.testing.assert_allclose(losses.generator_loss(logits, real_label=0.9), 2.21, rtol=1e-6)
    # 0.5 ((1-1)^2 + (3-1)^2)/2 + 2 ((0-0)^2 + (1-0)^2)/2 = 1 + 1
    fake = tf.constant([0.0, 1.0], shape=[2, 1, 1, 1])
    np.testing.assert_allclose(losses.discriminator_loss(logits, [(2.0, fake)], real_weight=0.5), 2.0, rtol=1e-6)


def test_hinge_by_hand():
    real = tf.constant([0.5, 2.0], shape=[2, 1, 1, 1])
    fake = tf.constant([-0.5, -3.0], shape=[2, 1, 1, 1])
    np.testing.assert_allclose(losses.generator_loss(fake, "hinge"), 1.75)
    # real: (0.5 + 0) / 2; fake: 2 (0.5 + 0) / 2
    np.testing.assert_allclose(losses.discriminator_loss(real, [(2.0, fake)], "hinge"), 0.75)


def test_adversarial_losses_are_the_original_codes(arrays, scalars):
    a, b, c = (arrays[f"logit_{letter}"] for letter in "abc")
    expected = {
        "generator_loss(logit_b)": losses.generator_loss(b, real_label=0.9),
        "generator_loss_m(logit_b)": losses.generator_loss(b, real_label=1.0),
        "discriminator_loss(anime=logit_a,fake=logit_b)": losses.discriminator_loss(
            a, [(1.0, b)], real_label=0.9, fake_label=0.1, real_weight=0.5
        ),
        "discriminator_loss_346(logit_c)": losses.discriminator_loss(a, [(1.0, c)], fake_label=0.1, real_weight=0.0),
        "discriminator_loss_m(real=logit_a,fake=logit_b)": losses.discriminator_loss(a, [(1.0, b)]),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(value, scalars[name], rtol=1e-4, err_msg=name)


def test_color_losses_are_the_original_codes(arrays, scalars):
    photo, fake = arrays["photo"], arrays["fake"]
    np.testing.assert_allclose(losses.yuv_color_loss(photo, fake), scalars["yuv_color_loss(photo,fake)"], rtol=1e-4)
    np.testing.assert_allclose(losses.lab_color_loss(photo, fake), scalars["Lab_color_loss(photo,fake)"], rtol=1e-4)
    np.testing.assert_allclose(losses.rgb_to_lab((fake + 1) / 2), arrays["lab_fake"], atol=1e-3)
    np.testing.assert_allclose(losses.rgb_to_lab(arrays["lab_edge_rgb"]), arrays["lab_edge_lab"], atol=1e-3)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (losses.yuv_color_loss, "yuv_color_loss(photo,fake)"),
        (losses.lab_color_loss, "Lab_color_loss(photo,fake)"),
        (lambda _, fake: losses.total_variation(fake), "total_variation_loss(fake)"),
    ],
)
def test_gradients_are_the_original_codes(arrays, loss, name):
    fake = tf.constant(arrays["fake"])
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = loss(tf.constant(arrays["photo"]), fake)
    expected = arrays[f"grad_wrt_fake:{name}"]
    assert np.linalg.norm(tape.gradient(value, fake) - expected) < 1e-4 * np.linalg.norm(expected)


def test_color_gradients_are_finite_at_black_and_white():
    edges = tf.constant([-1.0, 0.0, 1.0], shape=[1, 1, 3, 1]) * tf.ones([1, 1, 1, 3])
    for loss in (losses.lab_color_loss, losses.yuv_color_loss):
        with tf.GradientTape() as tape:
            tape.watch(edges)
            value = loss(tf.zeros_like(edges), edges)
        assert np.isfinite(tape.gradient(value, edges)).all()


def test_yuv_by_hand():
    # photo white (Y 1), fake black (Y 0); U and V are 0 in both up to the matrix's rounding
    white, black = tf.ones([1, 2, 2, 3]), -tf.ones([1, 2, 2, 3])
    np.testing.assert_allclose(losses.yuv_color_loss(white, black), 1.0, atol=1e-4)
    np.testing.assert_allclose(losses.lab_color_loss(white, black), 2.0, atol=1e-3)  # L 100 against 0
    assert float(losses.yuv_color_loss(white, white)) == 0.0


def test_total_variation_by_hand(arrays, scalars):
    # vertical differences 2, 2; horizontal 1, 1: 0.5 (4 + 1)
    np.testing.assert_allclose(losses.total_variation(tf.constant([[0.0, 1.0], [2.0, 3.0]])[None, :, :, None]), 2.5)
    np.testing.assert_allclose(losses.total_variation(arrays["fake"]), scalars["total_variation_loss(fake)"], rtol=1e-4)


def test_flat_regions_by_hand():
    """A line one pixel wide is two steps of 1 in each row: of 16 columns that is 1 / 8 of a flat guide's image."""
    line = np.zeros([1, 16, 16, 3], np.float32)
    line[:, :, 8] = 1.0
    flat, edge = np.zeros_like(line), np.zeros_like(line)
    np.testing.assert_allclose(losses.flat_region_loss(line, flat), 2 / 16, rtol=1e-6)
    np.testing.assert_allclose(losses.flat_region_loss(line.transpose(0, 2, 1, 3), flat), 2 / 16, rtol=1e-6)
    assert float(losses.flat_region_loss(flat, line)) == 0.0
    for at, expected in ((9, np.exp(-4)), (10, np.exp(-4)), (11, (1 + np.exp(-4)) / 2), (13, 1.0)):
        edge[:] = 0.0
        edge[:, :, at:] = 1.0  # a step of 1 between the columns `at` - 1 and `at`
        np.testing.assert_allclose(losses.flat_region_loss(line, edge), expected * 2 / 16, rtol=1e-5, err_msg=str(at))
    edge *= 0.25  # 1 / sharpness, far from the line and near it
    np.testing.assert_allclose(losses.flat_region_loss(line, edge), 2 / 16, rtol=1e-6)
    np.testing.assert_allclose(losses.flat_region_loss(line, line * 0.25), np.exp(-1) * 2 / 16, rtol=1e-6)


def test_flat_regions_pull_at_the_image_and_not_at_the_guide(arrays):
    image, guide = tf.constant(arrays["fake"]), tf.constant(arrays["photo"])
    with tf.GradientTape() as tape:
        tape.watch([image, guide])
        value = losses.flat_region_loss(image, guide)
    to_image, to_guide = tape.gradient(value, [image, guide])
    assert to_guide is None
    assert float(tf.norm(to_image)) > 0


def test_gram_by_hand(arrays):
    # two positions with channels (1, 2) and (3, 4): [[1+9, 2+12], [2+12, 4+16]] / (1·2·2)
    features = tf.constant([[1.0, 2.0], [3.0, 4.0]], shape=[1, 1, 2, 2])
    np.testing.assert_allclose(losses.gram_matrix(features)[0], [[2.5, 3.5], [3.5, 5.0]])
    np.testing.assert_allclose(losses.gram_matrix(arrays["feature"]), arrays["gram(feature)"], atol=1e-5)


def test_without_centring_the_gram_distance_sees_an_offset():
    """Flat features of 2 and of 1: Gram matrices of 4 / C and 1 / C."""
    x, y = (tf.fill([1, 4, 4, 3], value) for value in (2.0, 1.0))
    np.testing.assert_allclose(losses.gram_distance(x, y, centre=False), 1.0, rtol=1e-6)
    np.testing.assert_allclose(losses.gram_distance(x, y), 0.0, atol=1e-6)


def test_gram_distance_ignores_an_offset_and_takes_different_sizes():
    x = tf.random.stateless_normal([1, 6, 6, 3], seed=(1, 2))
    np.testing.assert_allclose(losses.gram_distance(x, x + 5.0), 0.0, atol=1e-5)
    assert float(losses.gram_distance(x, 2.0 * x[:, :4])) > 0.01


def test_stand_in_features_are_the_original_codes(arrays, document, network):
    features = network(arrays["fake"])
    for tap, scale in (("conv2_2", 1 / 128), ("conv3_3", 1 / 256), ("conv4_4", 1 / 512)):
        expected = document["vgg_feature_statistics_for_fake"][f"{tap}_no_act"]
        np.testing.assert_allclose(np.ravel(features[tap])[:8], expected["first8"], rtol=1e-3, atol=1e-2)
        np.testing.assert_allclose(np.std(features[tap]), expected["std"], rtol=1e-4)
        assert network.scales[tap] == scale


def test_perceptual_losses_are_the_original_codes(arrays, scalars, network):
    photo, fake, seg = (network(arrays[name])["conv4_4"] for name in ("photo", "fake", "seg"))
    scale = network.scales["conv4_4"]
    np.testing.assert_allclose(losses.feature_distance(photo, fake, scale), scalars["con_loss(photo,fake)"], rtol=1e-4)
    np.testing.assert_allclose(
        0.2 * losses.feature_distance(seg, fake, scale), scalars["region_smoothing_loss(seg,fake,0.2)"], rtol=1e-4
    )
    style = [network(gray(arrays[name])) for name in ("anime", "fake")]
    for recipe, weights in {"hayao": (0.1, 5.0, 25.0), "shinkai": (0.1, 2.0, 28.0)}.items():
        for tap, weight in zip(("conv2_2", "conv3_3", "conv4_4"), weights):
            ours = weight * losses.gram_distance(*(features[tap] for features in style), network.gram_scales[tap])
            name = f"style_loss_decentralization_3(gray(anime),gray(fake),{recipe})[{tap}]"
            np.testing.assert_allclose(ours, scalars[name], rtol=1e-4, err_msg=name)


def test_l1_by_hand_and_by_the_original_code(arrays, scalars):
    np.testing.assert_allclose(losses.l1_loss(tf.constant([0.0, 1.0]), tf.constant([2.0, -1.0])), 2.0)
    np.testing.assert_allclose(
        losses.l1_loss(arrays["photo"], arrays["fake"]), scalars["L1_loss(photo,fake)"], rtol=1e-4
    )
