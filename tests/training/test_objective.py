import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import resnet_arrays, tiny_style
from helpers.upstream import load_golden_discriminator

from animegan3_tf import losses
from animegan3_tf.models.perceptual import load_perceptual
from animegan3_tf.networks import build_discriminator
from animegan3_tf.styles import load_style, override
from animegan3_tf.training.terms import gray, needed_taps
from animegan3_tf.training.two_tail import Objective

PHOTO, SUPPORT, MAIN, REVISION = (
    tf.random.stateless_uniform([2, 16, 16, 3], seed=(seed, 0), minval=-1, maxval=1) for seed in range(4)
)
LOGITS = tf.constant([0.0, 1.0, 2.0, 3.0], shape=[2, 2, 1, 1])
NAMES = {
    "con_loss": "content",
    "rs_loss": "region",
    "color_loss": "color",
    "tv_loss": "total_variation",
    "g_adv_loss": "adversarial",
    "p0_loss": "main_l1",
    "p4_loss": "main_content",
    "tv_loss_m": "main_total_variation",
    "g_m_loss": "main_adversarial",
    "s22": "style_conv2_2",
    "s33": "style_conv3_3",
    "s44": "style_conv4_4",
}


@pytest.fixture(scope="module")
def hayao():
    style = override(load_style("hayao"), {"loss.color_space": "lab"})
    return Objective(style, load_perceptual("random", needed_taps(style.perceptual["vgg19"])))


@pytest.fixture(scope="module")
def shallow():
    return load_perceptual("random", ["conv1_1", "conv1_2"])


def discriminator(arrays, scope):
    model = build_discriminator()
    load_golden_discriminator(model, arrays, scope)
    return model


def terms_of(objective, support=SUPPORT, main=MAIN, revision=REVISION):
    constant = objective.constant_features(
        photo=PHOTO, photo_region=PHOTO[::-1], fake_region=support[::-1], revision=revision, anime_gray=gray(MAIN)
    )
    pictures = {"photo": PHOTO, "photo_region": PHOTO[::-1], "support": support, "main": main, "revision": revision}
    return objective.generator(pictures, constant, LOGITS, LOGITS)


def test_every_term_is_the_original_codes(hayao, step_arrays, step_numbers):
    arrays, expected = step_arrays, step_numbers["fixed_weights"]
    support, main, revision = arrays["generated"], arrays["generated_main"], arrays["fake_NLMean_l0"]
    discriminators = [discriminator(arrays, scope) for scope in ("discriminator", "discriminator_main")]
    constant = hayao.constant_features(
        photo=arrays["real_photo"],
        photo_region=arrays["photo_superpixel"],
        fake_region=arrays["fake_superpixel"],
        revision=revision,
        anime_gray=gray(arrays["anime"]),
    )
    terms = hayao.generator(
        {"photo": arrays["real_photo"], "support": support, "main": main, "revision": revision},
        constant,
        discriminators[0](gray(support)),
        discriminators[1](main),
    )
    assert set(terms) == set(NAMES.values())
    for theirs, ours in NAMES.items():
        np.testing.assert_allclose(terms[ours], expected[theirs], rtol=1e-4, err_msg=theirs)
    np.testing.assert_allclose(sum(terms.values()), expected["Generator_loss"], rtol=1e-4)

    opposing = hayao.support_discriminator(
        *(discriminators[0](gray(p)) for p in (arrays["anime"], support, arrays["anime_smooth"]))
    )
    opposing |= hayao.main_discriminator(discriminators[1](revision), discriminators[1](main))
    np.testing.assert_allclose(opposing["discriminator_support"], expected["D_support_loss"], rtol=1e-4)
    np.testing.assert_allclose(opposing["discriminator_main"], expected["D_main_loss"], rtol=1e-4)
    pretraining = hayao.pretraining(arrays["real_photo"], support, main)
    np.testing.assert_allclose(sum(pretraining.values()), expected["Pre_train_G_loss"], rtol=1e-4)


def test_pretraining_counts_the_content_taps_by_their_share(shallow):
    style = tiny_style({"perceptual.vgg19.content": {"conv1_1": 0.2, "conv1_2": 0.6}})
    terms = Objective(style, shallow).pretraining(PHOTO, SUPPORT, MAIN)
    photo, support = shallow(PHOTO), shallow(SUPPORT)
    first, second = (np.abs(photo[tap] - support[tap]).mean() / 64 for tap in ("conv1_1", "conv1_2"))
    np.testing.assert_allclose(terms["pretrain_support"], 0.25 * first + 0.75 * second, rtol=1e-5)
    assert set(terms) == {"pretrain_support", "pretrain_main"}


def test_perfect_pictures_pay_only_the_discriminators_and_their_own_noise(shallow):
    objective = Objective(tiny_style({"loss.identity": 1.0}), shallow)
    terms = terms_of(objective, support=PHOTO, main=REVISION)
    for name in ("content", "color", "identity", "main_l1", "main_content"):
        assert terms[name] == 0, name
    # LOGITS 0, 1, 2, 3: squares to 0.9 are 0.81, 0.01, 1.21, 4.41, mean 1.61; to 1 they are 1, 0, 1, 4, mean 1.5
    np.testing.assert_allclose(terms["adversarial"], 1.61, rtol=1e-6)
    np.testing.assert_allclose(terms["main_adversarial"], 0.02 * 1.5, rtol=1e-6)


def test_identity_is_the_weighted_pixel_distance_and_absent_at_zero(shallow):
    objective = Objective(tiny_style({"loss.identity": 2.0}), shallow)
    grey = tf.zeros_like(PHOTO)
    expected = 2.0 * np.abs(PHOTO).mean()
    np.testing.assert_allclose(terms_of(objective, support=grey)["identity"], expected, rtol=1e-6)
    assert "identity" not in terms_of(Objective(tiny_style(), shallow))


def test_flat_regions_are_those_of_the_photos_region_target(shallow):
    terms = terms_of(Objective(tiny_style({"loss.flat_regions": 3.0}), shallow))
    np.testing.assert_allclose(terms["flat_regions"], 3.0 * losses.flat_region_loss(SUPPORT, PHOTO[::-1]), rtol=1e-6)
    assert "flat_regions" not in terms_of(Objective(tiny_style(), shallow))


def test_the_color_space_switches_the_loss_and_its_weight(shallow):
    """Black to white is a luma step of 1 in YUV and of 100 in Lab, and no colour in either."""
    black, white = -tf.ones([1, 16, 16, 3]), tf.ones([1, 16, 16, 3])
    for space, expected, tolerance in (("yuv", 15.0 * 1.0, 1e-4), ("lab", 10.0 * 2.0, 1e-2)):
        objective = Objective(tiny_style({"loss.color_space": space}), shallow)
        constant = objective.constant_features(
            photo=black, photo_region=black, fake_region=black, revision=black, anime_gray=black
        )
        pictures = {"photo": black, "support": white, "main": white, "revision": white}
        terms = objective.generator(pictures, constant, LOGITS, LOGITS)
        np.testing.assert_allclose(terms["color"], expected, atol=tolerance)


def test_hinge_by_hand(shallow):
    objective = Objective(tiny_style({"loss.adversarial": "hinge", "loss.support_generator": 3.0}), shallow)
    assert float(terms_of(objective)["adversarial"]) == pytest.approx(-3.0 * 1.5)  # the mean of 0, 1, 2, 3
    real, fake, edges = (tf.constant(v, shape=[2, 1, 1, 1]) for v in ([0.5, 2.0], [-0.5, -3.0], [-1.0, 0.0]))
    # real 0.5 mean(0.5, 0); fake 1 mean(0.5, 0); edges 2 mean(0, 1)
    terms = objective.support_discriminator(real, fake, edges)
    assert float(terms["discriminator_support"]) == pytest.approx(0.125 + 0.25 + 1.0)
    # 0.1 (mean(0.5, 0) + mean(0.5, 0))
    assert float(objective.main_discriminator(real, fake)["discriminator_main"]) == pytest.approx(0.05)


def test_shinkais_support_discriminator_minds_edges_more():
    """0.5 (1-0.9)^2 + (0-0.1)^2 + w (0.3-0.1)^2, w 2 for hayao and 5 for shinkai; main: 0.1 [(1-1)^2 + 2^2]."""
    real, fake, edges = (tf.fill([1, 2, 2, 1], value) for value in (1.0, 0.0, 0.3))
    for name, expected in (("hayao", 0.005 + 0.01 + 0.08), ("shinkai", 0.005 + 0.01 + 0.2)):
        objective = Objective(load_style(name), network=None)
        terms = objective.support_discriminator(real, fake, edges)
        assert float(terms["discriminator_support"]) == pytest.approx(expected, rel=1e-5)
        main = objective.main_discriminator(real, tf.fill([1, 2, 2, 1], 2.0))
        assert float(main["discriminator_main"]) == pytest.approx(0.4)


def test_weights_scale_their_own_term_alone(shallow):
    before = terms_of(Objective(tiny_style(), shallow))
    changes = {
        "perceptual.vgg19.content.conv1_2": (1.5, {"content"}, 3.0),
        "perceptual.vgg19.style.conv1_1": (0.2, {"style_conv1_1"}, 2.0),
        "perceptual.vgg19.revision": (1.5, {"main_content"}, 3.0),
        "loss.total_variation": (4e-3, {"total_variation", "main_total_variation"}, 4.0),
        "loss.support_generator": (6.0, {"adversarial"}, 6.0),
        "loss.main_generator": (0.06, {"main_adversarial"}, 3.0),
        "loss.revision_l1": (25.0, {"main_l1"}, 0.5),
    }
    for key, (value, names, factor) in changes.items():
        after = terms_of(Objective(tiny_style({key: value}), shallow))
        for name in before:
            expected = before[name] * (factor if name in names else 1.0)
            np.testing.assert_allclose(after[name], expected, rtol=1e-5, err_msg=f"{key}: {name}")


def test_region_smoothing_weighs_the_two_targets_apart(shallow):
    def region(fake, photo):
        weights = {"perceptual.vgg19.region_fake": fake, "perceptual.vgg19.region_photo": photo}
        return float(terms_of(Objective(tiny_style(weights), shallow))["region"])

    features = {"support": SUPPORT, "fake": SUPPORT[::-1], "photo": PHOTO[::-1]}
    maps = {name: shallow(picture)["conv1_2"].numpy() for name, picture in features.items()}
    assert region(1.0, 0.0) == pytest.approx(np.abs(maps["support"] - maps["fake"]).mean() / 64, rel=1e-5)
    assert region(0.0, 1.0) == pytest.approx(np.abs(maps["support"] - maps["photo"]).mean() / 64, rel=1e-5)


def test_style_is_learnt_without_colour(shallow):
    """Two tints of one luma: no style term may tell them apart."""
    grey = tf.image.rgb_to_grayscale(SUPPORT * 0.5)
    tint = grey + tf.constant([0.3, 0.0, -0.3 * 0.2989 / 0.1140])  # luma 0.2989 R + 0.587 G + 0.114 B
    objective = Objective(tiny_style(), shallow)
    first, second = (terms_of(objective, support=picture) for picture in (tf.repeat(grey, 3, axis=3), tint))
    for name in ("style_conv1_1", "style_conv1_2"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-3)
    assert abs(first["color"] - second["color"]) > 1e-2


def test_no_gradient_flows_to_constant_features(shallow):
    objective = Objective(tiny_style(), shallow)
    with tf.GradientTape() as tape:
        tape.watch(PHOTO)
        features = objective.constant_features(photo=PHOTO, other=SUPPORT)
        total = tf.reduce_sum(features["photo"]["conv1_2"])
    assert tape.gradient(total, PHOTO) is None


def test_resnet18_has_its_own_weights(tmp_path):
    np.savez(tmp_path / "r.npz", **resnet_arrays())
    style = load_style("portrait-unpaired")
    taps = needed_taps(style.perceptual["resnet18"])
    assert taps == ["A", "B", "C"]
    network = load_perceptual(f"resnet18:{tmp_path}/r.npz", taps)
    terms = terms_of(Objective(style, network))
    assert {name for name in terms if name.startswith("style_")} == {"style_A", "style_B", "style_C"}
    photo, support = network(PHOTO), network(SUPPORT)
    content = style.perceptual["resnet18"].content
    assert set(content) == {"B", "C"}
    expected = sum(weight * np.abs(photo[tap] - support[tap]).mean() for tap, weight in content.items())
    assert float(terms["content"]) == pytest.approx(expected, rel=1e-4)
    assert all(np.isfinite(value) for value in terms.values())


def test_only_the_taps_with_a_weight_are_asked_for():
    assert needed_taps(load_style("hayao").perceptual["vgg19"]) == ["conv2_2", "conv3_3", "conv4_4"]
    assert needed_taps(tiny_style().perceptual["vgg19"]) == ["conv1_1", "conv1_2"]
