import json
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from benchmarks.upstream_host import l0_smooth_double, revision_target, superpixel_target
from benchmarks.upstream_step import UpstreamStep
from helpers.golden import golden
from helpers.tiny_training import tiny_style, write_pictures
from helpers.upstream import load_golden_discriminator, load_golden_generator

from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.filters import l0_smooth_offline
from animegan3_tf.models.perceptual import load_perceptual
from animegan3_tf.styles import load_style, override
from animegan3_tf.training.collapse import CONTRAST
from animegan3_tf.training.terms import needed_taps, region_target
from animegan3_tf.training.trainer import ADVERSARIAL
from animegan3_tf.training.two_tail import Trainer

BATCH = {"photo": "real_photo", "photo_region": "photo_superpixel", "anime": "anime", "anime_smooth": "anime_smooth"}


@pytest.fixture(scope="module")
def arrays():
    with np.load(golden("v3", "train_step.npz")) as stored:
        return dict(stored)


def hayao(settings):
    return override(load_style("hayao"), {"loss.color_space": "lab", "train.resize": "legacy", **settings})


def network_of(style):
    return load_perceptual("random", needed_taps(style.perceptual["vgg19"]))


def test_host_targets_are_the_original_codes(arrays):
    settings = load_style("hayao").target
    region = superpixel_target(arrays["generated"][0], settings.superpixel_min_size)
    np.testing.assert_array_equal(region, arrays["fake_superpixel"][0])
    revision = revision_target(arrays["generated_support"][0], settings.nl_means, settings.revision_l0_lambda)
    np.testing.assert_allclose(revision, arrays["fake_NLMean_l0"][0], atol=2e-5)


def test_l0_in_double_precision_is_the_float_one():
    """On a step edge with noise far below the threshold both flatten the sides and keep the edge."""
    image = np.full((16, 24, 3), 0.25)
    image[:, 12:] = 0.75
    image += np.random.default_rng(0).normal(0, 1e-3, image.shape)
    np.testing.assert_allclose(l0_smooth_double(image, 0.005), l0_smooth_offline(image, 0.005), atol=1e-4)


@pytest.mark.slow
def test_the_step_is_the_original_codes(arrays, eager):
    """Losses of the golden step: of the generator before its update, of the discriminators after it."""
    numbers = json.loads(golden("v3", "train_step.json").read_text())
    style = hayao({"data.image_size": 64, "train.batch_size": 1})
    step = UpstreamStep(style, network_of(style))
    load_golden_generator(step.generator)
    load_golden_discriminator(step.support_discriminator, arrays, "discriminator")
    load_golden_discriminator(step.main_discriminator, arrays, "discriminator_main")
    terms = step({ours: tf.constant(arrays[theirs]) for ours, theirs in BATCH.items()})

    # agreement seen: 1e-6; a float's last digit may still move an 8-bit level, and with it a region or an edge
    close = partial(np.testing.assert_allclose, rtol=1e-3)
    close(terms["loss"], numbers["fixed_weights"]["Generator_loss"])
    after = numbers["after_G_step_during_D_step"]
    close(terms["discriminator_support"], after["D_support_loss"])
    close(terms["discriminator_main"], after["D_main_loss"])
    after = numbers["after_G_and_D_step"]  # the third call's summary is of the updated generator
    close(terms["summary_main_l1"], after["p0_loss"])
    close(terms["summary_content"], after["con_loss"])


@pytest.mark.slow
def test_both_ways_compute_the_same_terms(tmp_path, eager):
    """The comparison is honest only if both do the same work, batch by batch.

    Without a learning rate for the generator, upstream's third call draws the images that our discriminators see.
    Superpixels are made of 8-bit images by truncation, so a float's last digit may move a boundary; NL-means differs
    from OpenCV's by 0.06/255 on average and L0 smoothing by which gradients it finds just above its threshold.
    """
    photos, anime = write_pictures(tmp_path / "photo", 3, 40), write_pictures(tmp_path / "anime", 3, 40, first=10)
    settings = {"data.image_size": 32, "target.region_target": "superpixel", "train.generator_learning_rate": 0.0}
    settings |= {"loss.identity": 0.5, "loss.flat_regions": 20.0}  # terms that not every style has
    style = tiny_style(settings)
    network = network_of(style)
    batch = next(iter(TrainingData(style, photos, anime, warn=lambda _: None).batches()))
    target, close = region_target(style.target)
    tf.keras.utils.set_random_seed(0)
    trainer = Trainer(style, network, target)
    step = UpstreamStep(style, network)
    try:
        step.copy_weights(trainer)
        theirs = step(batch)
        trainer.enter_phase(ADVERSARIAL)
        ours = {name: float(value) for name, value in trainer.train_step(batch).items()}
    finally:
        close()
        step.close()
    filtered = dict.fromkeys(("region", "main_l1", "main_content", "discriminator_main", "loss"), 1e-2)
    terms = {name for name in theirs if not name.startswith("summary_")}
    assert terms == {name for name in ours if not name.endswith("_gradient")} - {CONTRAST}
    for name in sorted(terms):
        np.testing.assert_allclose(theirs[name], ours[name], rtol=filtered.get(name, 1e-4), err_msg=name)
    for name in terms - {"loss", "discriminator_support", "discriminator_main"}:
        np.testing.assert_allclose(theirs[f"summary_{name}"], theirs[name], rtol=1e-4, err_msg=name)
