"""Training on pairs: the objective by hand, the step, whole runs."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_pairs import pairs_style, write_pairs
from helpers.tiny_training import plain_network, tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image
from animegan3_tf.models.weights import load_generator, named_weights, save_generator
from animegan3_tf.networks import build_generator
from animegan3_tf.reports.training import write_run_page
from animegan3_tf.training import run
from animegan3_tf.training.configuration import RunConfiguration, binding, resolve_steps
from animegan3_tf.training.pairs import PAIRS, PairObjective, PairTrainer, warm_cosine
from animegan3_tf.training.run import train
from animegan3_tf.training.run_files import read_metrics, states
from animegan3_tf.training.run_folder import find_origin, read_initial
from animegan3_tf.training.state import read_state
from animegan3_tf.training.trainer import ADVERSARIAL, accumulated
from animegan3_tf.training.validation import PairSquare, PairValidation

WITH_DISCRIMINATOR = {"pairs.discriminator": True, "pairs.discriminator_alone": 1, "pairs.discriminator_limit": 9.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("pairs"), 6)


@pytest.fixture(autouse=True)
def quick_network(monkeypatch):
    monkeypatch.setattr(run, "load_perceptual", lambda *_: plain_network())


def configuration(folder, settings=None, **changes):
    made = RunConfiguration(pairs_style(settings), None, None, "random", 3, 0, pairs=(str(folder),))
    return dataclasses.replace(made, **{"log_every": 1, "sample_every": 3, **changes})


def batch(seed=0, shape=(2, 16, 16, 3)):
    names = enumerate(("photo", "drawing"), start=2 * seed)
    return {name: tf.random.stateless_uniform(shape, seed=(n, 1), minval=-1, maxval=1) for n, name in names}


def arrays(folder):
    return read_state(states(folder)[-1]).arrays


def check_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_the_terms_by_hand():
    """A flat drawing of 0.25 has no ink; the result is 0.75 in its left half and 0.25 in its right."""
    style = pairs_style({"pairs.pixels": 2.0, "pairs.differences": 3.0, "pairs.blocks": 5.0})
    drawing = tf.fill([1, 16, 16, 3], 0.25)
    result = tf.concat([tf.fill([1, 16, 8, 3], 0.75), tf.fill([1, 16, 8, 3], 0.25)], axis=2)
    terms = PairObjective(style, plain_network()).generator(drawing, result)
    assert {name: float(value) for name, value in terms.items()} == pytest.approx(
        {
            "pixels": 2 * 0.25,
            "differences": 3 * (0.5 / 15 + 2 * 0.5 / 14),  # one of 15 neighbours across, two of 14 at distance 2
            "blocks": 5 * 0.25,
            "features_conv1_1": 0.1 * 1.0 * 0.25,  # weight, scale, mean difference of the picture itself
            "features_conv1_2": 0.2 * 0.5 * 0.25,
        },
        rel=1e-4,
    )


def test_eyes_weigh_more():
    """Half of a result is wrong by 0.5; there the eyes are, which weigh 1 + 4 in pixels and features alike."""
    style = pairs_style({"pairs.eyes": 4.0})
    drawing = tf.fill([1, 16, 16, 3], 0.25)
    left = tf.concat([tf.ones([1, 16, 8, 1]), tf.zeros([1, 16, 8, 1])], axis=2)
    objective = PairObjective(style, plain_network())
    plain = objective.generator(drawing, drawing + 0.5 * left)
    weighed = objective.generator(drawing, drawing + 0.5 * left, left)
    assert {name: float(weighed[name] / plain[name]) for name in plain} == pytest.approx(
        {"pixels": 5, "differences": 1, "blocks": 1, "features_conv1_1": 5, "features_conv1_2": 5}, rel=1e-4
    )


def test_adversarial_losses_by_hand():
    objective = PairObjective(pairs_style(), plain_network())
    real, fake = tf.fill([1, 2, 2, 1], 0.75), tf.fill([1, 2, 2, 1], 0.5)
    assert float(objective.discriminator(real, fake)["discriminator_pair"]) == pytest.approx((0.25**2 + 0.5**2) / 2)
    assert float(objective.discriminator(fake, fake)["discriminator_pair"]) == pytest.approx(0.25)  # an undecided one's
    assert float(objective.adversarial(real)) == pytest.approx(0.25**2)


def trainer_of(settings=None, steps=100):
    tf.keras.utils.set_random_seed(0)
    return PairTrainer(pairs_style(settings), plain_network(), steps)


@pytest.mark.slow
def test_the_discriminator_learns_alone_and_then_has_its_share(eager):
    trainer = trainer_of(WITH_DISCRIMINATOR)
    trainer.phase = PAIRS
    before = [weight.numpy() for weight in trainer.discriminator.weights]
    terms = trainer.train_step(batch())
    assert "discriminator_pair" not in terms
    assert all((weight.numpy() == value).all() for weight, value in zip(trainer.discriminator.weights, before))

    trainer.phase = ADVERSARIAL
    alone = trainer.train_step(batch())
    assert (float(alone["adversarial_weight"]), float(alone["adversarial"])) == (0.0, 0.0)
    assert any((weight.numpy() != value).any() for weight, value in zip(trainer.discriminator.weights, before))
    listened = trainer.train_step(batch())
    assert float(listened["adversarial_weight"]) > 0
    assert float(listened["loss"]) == pytest.approx(
        sum(float(listened[name]) for name in ("pixels", "differences", "blocks", "adversarial"))
        + sum(float(value) for name, value in listened.items() if name.startswith("features_")),
        rel=1e-5,
    )
    losses = [float(terms["discriminator_pair"]) for terms in (alone, listened)]
    mean = 0.25
    for loss in losses:
        mean = 0.95 * mean + 0.05 * loss
    assert float(trainer.discriminator_loss) == pytest.approx(mean, rel=1e-5)

    trainer.discriminator_loss.assign(9.5)  # it has lost its way: nobody listens
    assert float(trainer.train_step(batch())["adversarial_weight"]) == 0.0


@pytest.mark.slow
def test_the_generators_gradient_is_that_of_its_weighted_losses(eager):
    """The pass through the result gives the gradient of distance + weight * answer, taken at once."""
    trainer = trainer_of(WITH_DISCRIMINATOR)
    trainer.discriminator_optimizer.iterations.assign(5)
    data = batch()
    _, gradients = trainer._adversarial(data)
    with tf.GradientTape(persistent=True) as tape:
        result = trainer.generator(data["photo"], training=True)
        distance = tf.add_n(list(trainer.objective.generator(data["drawing"], result).values()))
        answer = tf.reduce_mean(tf.square(trainer.discriminator([data["photo"], result]) - 1.0))
    norms = [float(tf.norm(tape.gradient(loss, result))) for loss in (distance, answer)]
    with tf.GradientTape() as whole:
        result = trainer.generator(data["photo"], training=True)
        loss = tf.add_n(list(trainer.objective.generator(data["drawing"], result).values()))
        answer = tf.reduce_mean(tf.square(trainer.discriminator([data["photo"], result]) - 1.0))
        loss += 0.33 * norms[0] / norms[1] * answer
    for found, expected in zip(gradients["generator"], whole.gradient(loss, trainer.generator.trainable_variables)):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_the_learning_rate_rises_and_falls_over_the_run():
    """A straight rise over 10 steps, then half a cosine over 100; a short run rises over a tenth of its steps."""
    rate = warm_cosine(0.01, 10, 110)
    found = [float(rate(step)) for step in (0, 5, 10, 60, 110)]
    assert found == pytest.approx([0.0, 0.005, 0.01, 0.005, 0.0], abs=1e-8)
    assert float(warm_cosine(0.01, 10, 40)(4)) == pytest.approx(0.01)
    found = [float(warm_cosine(0.01, 0, 100)(step)) for step in (0, 25, 100)]
    assert found == pytest.approx([0.01, 0.01 * (1 + 0.5**0.5) / 2, 0.0], abs=1e-8)


def test_a_batch_in_parts_has_the_mean_of_its_parts():
    """Batches of runs on pairs come in several shapes, so that they are not known when traced."""

    @tf.function(input_signature=[{"x": tf.TensorSpec([None, None, 3])}])
    def parts(batch):
        return accumulated(lambda part: (tf.reduce_mean(part["x"]), tf.shape(part["x"])[0]), batch, 2)

    mean, count = parts({"x": tf.reshape(tf.range(36.0), [6, 2, 3])})
    assert float(mean) == pytest.approx(17.5)
    assert int(count) == 3


class Same(tf.keras.Model):
    """A generator that returns the photo."""

    def call(self, photo):
        return photo


def test_validation_by_hand(tmp_path):
    """Results are the photos: one is its drawing, one 16 levels off everywhere."""
    flat = np.full((64, 64, 3), 100, np.uint8)
    eyes = np.array([[20, 25], [44, 25], [32, 35], [25, 45], [39, 45]], float)
    face = np.full((64, 64, 3), 220, np.uint8)
    for x, y in eyes[:2].astype(int):
        face[y - 2 : y + 3, x - 2 : x + 3] = 10
    squares = [PairSquare(flat, flat + 16, None), PairSquare(face, face - 5, eyes), PairSquare(flat, flat + 16, eyes)]
    heard = []

    class Listener:
        def validated(self, step, phase, values, grid):
            heard.append((step, phase, values, grid))

    class Trainer:
        phase, deployed = PAIRS, Same()

    PairValidation(1, squares, 2, tmp_path / "samples", tmp_path / "logs", [Listener()]).draw(Trainer(), 7)
    ((step, phase, values, grid),) = heard
    assert (step, phase, grid) == (7, "pairs", tmp_path / "samples" / "000007.png")
    assert values.keys() == {"psnr", "ssim", "eyes_drawn"}
    decibels = [20 * np.log10(255 / 16), 20 * np.log10(255 / 5), 20 * np.log10(255 / 16)]
    assert values["psnr"] == pytest.approx(np.mean(decibels), rel=1e-4)
    assert values["eyes_drawn"] == pytest.approx(0.5)  # of the two whose landmarks are known
    rows = read_image(grid).rgb
    assert rows.shape == (2 * 64 + 4, 3 * 64 + 2 * 4, 3)
    np.testing.assert_array_equal(rows[:64, 136:], flat + 16)


@pytest.mark.slow
def test_200_steps_on_a_made_up_teacher_reach_30_db(tmp_path):
    folder = write_pairs(tmp_path / "pairs", 16)
    kind = {"only": {"turns": 1, "count": 4, "crop": 32, "scales": [32, 36]}}
    settings = {"pairs.batches": kind, "pairs.validation_size": 32, "pairs.varied": 0.0}
    plan = configuration(folder, settings, steps=200, log_every=200, sample_every=200)
    train(plan, tmp_path / "run", show=lambda line: None)
    (validation,) = (record["validation"] for record in read_metrics(tmp_path / "run") if "validation" in record)
    assert validation["psnr"] > 30


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
@pytest.mark.parametrize("settings", [{}, WITH_DISCRIMINATOR])
def test_a_resumed_run_ends_as_an_uninterrupted_one(folder, tmp_path, eager, settings):
    plan = configuration(folder, settings, steps=4, checkpoint_every=2, pretrain_steps=1 if settings else 0)
    lines = []
    result = train(plan, tmp_path / "whole", show=lines.append)
    assert lines[0] == "held out: 1 of 6 pairs, for validation; the others are trained on"
    phases = ["pairs", *["adversarial" if settings else "pairs"] * 3]
    assert [line.split()[2] for line in lines if line.startswith("step")] == phases
    assert read_image(result.grid).rgb.shape == (64, 3 * 64 + 2 * 4, 3)
    (tmp_path / "resumed").mkdir()
    for name in ("state-000002.h5", "config.json"):
        shutil.copy(tmp_path / "whole" / name, tmp_path / "resumed" / name)
    assert train(plan, tmp_path / "resumed", resume=True, show=lines.append).step == 4
    check_same(arrays(tmp_path / "resumed"), arrays(tmp_path / "whole"))


@pytest.mark.slow
def test_what_a_run_leaves(folder, tmp_path, eager):
    train(
        configuration(folder, WITH_DISCRIMINATOR, steps=2),
        tmp_path / "run",
        show=lambda line: None,
        write_page=write_run_page,
    )
    out = tmp_path / "run"
    assert load_generator(out / "generator.h5").output_shape == (None, None, None, 3)
    names = arrays(out)
    assert "extra/discriminator_loss" in names
    assert not any("support" in name for name in names)
    (validation,) = (record["validation"] for record in read_metrics(out) if "validation" in record)
    assert validation.keys() == {"psnr", "ssim", "eyes_drawn"}
    page = (out / "report.html").read_text()
    for words in ("PSNR to the drawings", "Both eyes drawn", "Distance to the drawings", "Generator: terms"):
        assert words in page
    assert "support tail" not in page
    held_out = json.loads((out / "held_out.json").read_text())
    assert len(held_out["held_out"]) == 1
    header = read_state(states(out)[-1]).header
    assert header["examples"] == round(2 * (2 * 4 + 2) / 3)


def test_it_begins_with_a_deployed_generator_or_a_run_of_either_kind(folder, tmp_path, eager):
    generator = build_generator(tails="main")
    save_generator(tmp_path / "student.h5", generator)
    origin = find_origin(tmp_path / "student.h5")
    initial = read_initial(configuration(folder, init=origin))
    assert initial.parts.keys() == {"average"}
    trainer = trainer_of()
    initial.give(trainer)
    for name, weight in named_weights(trainer.average).items():
        np.testing.assert_array_equal(weight, named_weights(generator)[name])
    # two tails begin with its one tail, as they do with a weights file of their own
    unpaired = RunConfiguration(tiny_style(), "photo", "anime", "random", 2, 1, init=origin)
    assert {name for name in read_initial(unpaired).parts["average"] if name.startswith("support_")}


@pytest.mark.slow
def test_runs_of_pairs_and_without_give_each_other_their_weights(folder, tmp_path, eager):
    train(configuration(folder, WITH_DISCRIMINATOR, steps=1), tmp_path / "pairs", show=lambda line: None)
    origin = find_origin(tmp_path / "pairs")
    assert read_initial(configuration(folder, WITH_DISCRIMINATOR, init=origin)).parts.keys() == {
        "average",
        "discriminator",
    }
    assert read_initial(configuration(folder, init=origin)).parts.keys() == {"average"}
    unpaired = RunConfiguration(tiny_style(), "photo", "anime", "random", 2, 1, init=origin)
    parts = read_initial(unpaired).parts
    assert parts.keys() == {"average"}
    assert parts["average"].keys() == named_weights(build_generator()).keys()


def test_steps_of_a_run(folder, tmp_path):
    style = pairs_style({"train.epochs": 20.0})
    assert resolve_steps(style, None, pairs=(folder,)) == (round(20 * 6 / (10 / 3)), 0)
    adversarial = pairs_style({"train.epochs": 20.0, "train.pretrain_epochs": 5.0, **WITH_DISCRIMINATOR})
    assert resolve_steps(adversarial, None, pairs=(folder,)) == (36, 9)
    assert resolve_steps(adversarial, None, pairs=(folder,), init=find_origin(_weights(tmp_path))) == (36, 0)
    # the cosine falls over all steps, so that another number of them is another training
    assert "steps" in binding(configuration(folder))
    assert "steps" not in binding(RunConfiguration(tiny_style(), "photo", "anime", "random", 2, 1))


def _weights(tmp_path):
    save_generator(tmp_path / "student.h5", build_generator(tails="main"))
    return tmp_path / "student.h5"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pairs": None}, "style 'tiny-pairs' learns from pairs .*animegan3 pairs .*--pairs DIR; .*portrait-unpaired"),
        ({"photos": "a", "anime": "b"}, "--pairs names photos and drawings; leave out"),
        ({"samples": "a"}, "--samples is not for style 'tiny-pairs'"),
        ({"pretrain_steps": 1}, "has no discriminator to train with after them"),
        ({"accumulate": 4}, "--accumulate is 4, which does not divide pairs.batches.large.count, 2"),
        ({"perceptual": "resnet18:x.npz"}, "has no loss weights for resnet18"),
        ({"style": tiny_style(), "photos": "a", "anime": "b"}, "--pairs is for styles that learn from pairs, 'tiny'"),
    ],
)
def test_configurations_that_cannot_run(folder, changes, words):
    with pytest.raises(UserError, match=words) as error:
        configuration(folder, **changes)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"accumulate": 2}, {"precision": "mixed_bfloat16"}, {"precision": "mixed_float16"}]
)
def test_a_step_in_parts_and_in_half_precision(folder, tmp_path, eager, changes):
    plan = configuration(folder, WITH_DISCRIMINATOR, steps=3, **changes)
    assert train(plan, tmp_path / "run", show=lambda line: None).step == 3
    assert all(np.isfinite(array).all() for array in arrays(tmp_path / "run").values())


def test_a_weight_that_is_not_finite_stops_the_run_with_its_batch(folder, tmp_path, eager, monkeypatch):
    real = PairObjective.generator

    def broken(self, drawing, result, eyes=None):
        return {**real(self, drawing, result), "blocks": tf.constant(float("nan"))}

    monkeypatch.setattr(PairObjective, "generator", broken)
    with pytest.raises(UserError, match=r"step 1: .*blocks.* became NaN or infinite and the run stopped"):
        train(configuration(folder), tmp_path / "run", show=lambda line: None)
    sheet = read_image(tmp_path / "run" / "failure-000001" / "batch.png").rgb
    assert sheet.shape[1] in (2 * 16 + 4, 2 * 24 + 4)  # photo and drawing
