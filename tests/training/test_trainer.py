import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import tiny_style
from helpers.upstream import (
    discriminator_variables,
    generator_variables,
    load_golden_discriminator,
    load_golden_generator,
)

from animegan3_tf.models.perceptual import load_perceptual
from animegan3_tf.models.weights import weight_name
from animegan3_tf.styles import load_style, override
from animegan3_tf.training import two_tail as trainer_module
from animegan3_tf.training.collapse import CONTRAST
from animegan3_tf.training.terms import needed_taps, region_target
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN
from animegan3_tf.training.two_tail import Trainer


class Recorder:
    """Stands before an optimizer, or where one would, and keeps the gradients {variable's id: array} it is given."""

    learning_rate = 1e-4

    def __init__(self, optimizer=None):
        self.optimizer, self.gradients = optimizer, {}

    def apply_gradients(self, pairs):
        pairs = list(pairs)
        self.gradients = {id(variable): gradient.numpy() for gradient, variable in pairs}
        if self.optimizer is not None:
            self.optimizer.apply_gradients(pairs)


def pictures(size=16, names=("photo", "photo_region", "anime", "anime_smooth")):
    return {
        name: tf.random.stateless_uniform([2, size, size, 3], seed=(seed, 1), minval=-1, maxval=1)
        for seed, name in enumerate(names)
    }


def tiny_trainer(settings=None):
    tf.keras.utils.set_random_seed(0)
    style = tiny_style(settings)
    target, _ = region_target(style.target)
    return Trainer(style, load_perceptual("random", needed_taps(style.perceptual["vgg19"])), target)


def values(model):
    return [w.numpy() for w in model.weights]


def changed(before, model):
    return [weight_name(w) for old, w in zip(before, model.weights) if not np.array_equal(old, w)]


@pytest.fixture(scope="module")
def trainer():
    return tiny_trainer()


@pytest.fixture(scope="module", params=[(), ("nl_means", "networks")], ids=["plain", "jit"])
def hayao(request, step_arrays):
    style = override(load_style("hayao"), {"loss.color_space": "lab", "train.resize": "legacy"})
    network = load_perceptual("random", needed_taps(style.perceptual["vgg19"]))
    return Trainer(style, network, lambda images: tf.constant(step_arrays["fake_superpixel"]), jit=request.param)


@pytest.fixture
def upstream(hayao, step_arrays, monkeypatch):
    """A trainer with upstream's weights, whose targets are upstream's arrays; and its batch."""
    trainer = hayao
    monkeypatch.setattr(trainer_module, "revision_target", lambda *_: tf.constant(step_arrays["fake_NLMean_l0"]))
    load_golden_generator(trainer.generator)
    load_golden_discriminator(trainer.support_discriminator, step_arrays, "discriminator")
    load_golden_discriminator(trainer.main_discriminator, step_arrays, "discriminator_main")
    names = {
        "photo": "real_photo",
        "photo_region": "photo_superpixel",
        "anime": "anime",
        "anime_smooth": "anime_smooth",
    }
    return trainer, {ours: tf.constant(step_arrays[theirs]) for ours, theirs in names.items()}


def own_names(trainer):
    """{id of a trainable variable: upstream's name}."""
    scopes = {trainer.support_discriminator: "discriminator", trainer.main_discriminator: "discriminator_main"}
    names = {id(w): generator_variables()[weight_name(w)] for w in trainer.generator.trainable_variables}
    for model, scope in scopes.items():
        names |= {id(w): discriminator_variables(scope)[weight_name(w)] for w in model.trainable_variables}
    return names


def test_pretraining_falls_as_in_the_original_code(upstream, step_numbers):
    trainer, batch = upstream
    trainer.phase = PRETRAIN
    losses = [float(trainer.train_step(batch)["loss"]) for _ in range(2)]
    expected = step_numbers["pretrain"]
    np.testing.assert_allclose(losses, [expected["before"], expected["after_one_step"]], rtol=1e-3)


def test_the_adversarial_step_is_the_original_codes(upstream, step_numbers):
    """Losses agree to 1e-5, gradients to 2e-5 (generator) and 1e-4 (discriminators) of their norm."""
    trainer, batch = upstream
    trainer.phase = ADVERSARIAL
    generator = trainer.generator_optimizer = Recorder(trainer.generator_optimizer)
    discriminator = trainer.discriminator_optimizer = Recorder(trainer.discriminator_optimizer)
    before = {id(w): w.numpy() for w in trainer.generator.trainable_variables}
    terms = trainer.train_step(batch)

    expected = step_numbers["fixed_weights"]
    np.testing.assert_allclose(terms["loss"], expected["Generator_loss"], rtol=1e-4)
    np.testing.assert_allclose(terms["discriminator_support"], expected["D_support_loss"], rtol=1e-4)
    np.testing.assert_allclose(terms["discriminator_main"], expected["D_main_loss"], rtol=1e-4)

    names = own_names(trainer)
    norms = {names[key]: np.linalg.norm(g) for key, g in {**generator.gradients, **discriminator.gradients}.items()}
    theirs = {**step_numbers["gradient_l2"]["generator"], **step_numbers["gradient_l2"]["discriminator"]}
    assert norms.keys() == theirs.keys()
    for name, norm in norms.items():
        np.testing.assert_allclose(norm, theirs[name], rtol=1e-3, err_msg=name)

    for weight in trainer.generator.trainable_variables:
        moved, name = np.linalg.norm(weight - before[id(weight)]), names[id(weight)]
        np.testing.assert_allclose(moved, step_numbers["generator_update_l2"][name], rtol=1e-3, err_msg=name)


def test_a_pretraining_step_leaves_the_discriminators_alone(trainer):
    trainer.phase = PRETRAIN
    before = {part: values(getattr(trainer, part)) for part in ("support_discriminator", "main_discriminator")}
    generator, average, step = values(trainer.generator), values(trainer.average), int(trainer.step)
    terms = trainer.train_step(pictures())
    assert set(terms) == {"loss", "pretrain_support", "pretrain_main", "contrast", "pretrain_gradient"}
    assert int(trainer.step) == step + 1
    for part, old in before.items():
        assert changed(old, getattr(trainer, part)) == []
    assert len(changed(generator, trainer.generator)) == len(trainer.generator.weights)
    assert {"main_to_rgb/kernel", "main_attention/norm/moving_mean"} <= set(changed(average, trainer.average))


def test_pretraining_learns_one_batch(trainer):
    trainer.phase = PRETRAIN
    losses = [float(trainer.train_step(pictures())["loss"]) for _ in range(8)]
    assert losses[-1] < 0.97 * losses[0]


def test_an_adversarial_step_updates_every_network(trainer):
    trainer.phase = ADVERSARIAL
    parts = ("generator", "average", "support_discriminator", "main_discriminator")
    before, step = {part: values(getattr(trainer, part)) for part in parts}, int(trainer.step)
    terms = trainer.train_step(pictures())
    assert int(trainer.step) == step + 1
    assert all(np.isfinite(value) for value in terms.values())
    watched = {name for name in terms if name.endswith("_gradient")} | {CONTRAST}
    generator_terms = {name for name in terms if not name.startswith(("loss", "discriminator"))} - watched
    np.testing.assert_allclose(terms["loss"], sum(terms[name] for name in generator_terms), rtol=1e-5)
    for part, old in before.items():
        model = getattr(trainer, part)
        # what may rest: the variance of attention over 2x2 positions is near 0, and a vector of one number is 1
        resting = {weight_name(w) for w in model.weights} - set(changed(old, model))
        assert not [n for n in resting if not n.endswith(("moving_variance", "logit_conv/sn_u"))], part
        assert all(np.isfinite(w.numpy()).all() for w in model.weights), part


def test_each_optimizer_moves_its_own_networks_only(trainer):
    """Without its update a discriminator changes only by its power iteration, one iteration a step."""
    trainer.phase = ADVERSARIAL
    kept = trainer.discriminator_optimizer, trainer.generator_optimizer
    discriminators = trainer.support_discriminator, trainer.main_discriminator
    trainer.discriminator_optimizer = Recorder()
    try:
        before, vectors = (
            [values(discriminator) for discriminator in discriminators],
            [one_iteration(discriminator) for discriminator in discriminators],
        )
        trainer.train_step(pictures())
        for old, expected, discriminator in zip(before, vectors, discriminators):
            assert expected.keys() - {"logit_conv/sn_u"} <= set(changed(old, discriminator)) <= expected.keys()
            for weight in discriminator.weights:
                if weight_name(weight) in expected:
                    np.testing.assert_allclose(weight, expected[weight_name(weight)], atol=1e-5)
        trainer.generator_optimizer, trainer.discriminator_optimizer = Recorder(), kept[0]
        trainables = [w.numpy() for w in trainer.generator.trainable_variables]
        trainer.train_step(pictures())
        assert all(np.array_equal(old, w) for old, w in zip(trainables, trainer.generator.trainable_variables))
    finally:
        trainer.discriminator_optimizer, trainer.generator_optimizer = kept


def one_iteration(discriminator):
    """{name: u after one power iteration} of a discriminator's kernels, in NumPy."""
    weights = {weight_name(w): w.numpy() for w in discriminator.weights}
    vectors = {}
    for name, u in weights.items():
        if "sn_u" in name:
            matrix = weights[name.replace("sn_u", "kernel")].reshape(-1, u.shape[-1])
            v = u @ matrix.T
            u = v / np.linalg.norm(v) @ matrix
            vectors[name] = u / np.linalg.norm(u)
    return vectors


def test_discriminators_see_the_pictures_the_generator_was_updated_with(trainer, monkeypatch):
    """The targets carry no gradient and the rated images are not generated again: one generator pass a step."""
    trainer.phase = ADVERSARIAL
    calls = []
    inner = trainer.generator.call
    monkeypatch.setattr(trainer.generator, "call", lambda *args, **kw: calls.append(1) or inner(*args, **kw))
    trainer.train_step(pictures())
    assert len(calls) == 1


def test_targets_are_made_of_the_raw_and_of_the_guided_support_picture(trainer, monkeypatch):
    trainer.phase = ADVERSARIAL
    batch, seen = pictures(), {}
    tails = trainer.generator(batch["photo"], training=True)

    def revision(settings, images, denoise):
        seen["revision"] = images.numpy()
        return images

    def region(images):
        seen["region"] = images.numpy()
        return images

    monkeypatch.setattr(trainer_module, "revision_target", revision)
    monkeypatch.setattr(trainer, "region_target", region)
    trainer.train_step(batch)
    np.testing.assert_allclose(seen["revision"], tails["support"], atol=1e-6)
    guided = trainer_module.guide(trainer.style.target, tails["support"])
    np.testing.assert_allclose(seen["region"], guided, atol=1e-5)


def test_on_one_device_the_average_itself_is_deployed(trainer):
    assert trainer.deployed is trainer.average


@pytest.mark.slow
def test_half_precision_trains():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        trainer = tiny_trainer()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    assert all(w.dtype == tf.float32 for w in trainer.generator.trainable_weights)
    trainer.phase = ADVERSARIAL
    before = values(trainer.generator)
    terms = trainer.train_step(pictures())
    assert all(np.isfinite(value) for value in terms.values())
    assert {weight_name(w) for w in trainer.generator.trainable_weights} <= set(changed(before, trainer.generator))
    assert all(np.isfinite(w.numpy()).all() for w in trainer.generator.weights)
