"""AnimeGAN's and AnimeGANv2's training: the objective by hand, the step, and whole runs."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import SINGLE_TAIL, plain_network, tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image
from animegan3_tf.models.weights import build_deployed, load_generator, named_weights, save_generator
from animegan3_tf.models.weights_file import read_header
from animegan3_tf.networks import build_generator
from animegan3_tf.styles import load_style
from animegan3_tf.training import run
from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.run import train
from animegan3_tf.training.run_folder import find_origin, read_initial
from animegan3_tf.training.single_tail import SingleTailObjective, SingleTailTrainer
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN


def single_style(settings=None):
    return tiny_style({**SINGLE_TAIL, **(settings or {})})


def batch():
    return {
        name: tf.random.stateless_uniform([2, 16, 16, 3], seed=(seed, 1), minval=-1, maxval=1)
        for seed, name in enumerate(("photo", "anime", "anime_smooth"))
    }


def flat(value, shape=(1, 4, 4, 3)):
    return tf.fill(shape, float(value))


def test_the_generators_terms_by_hand():
    """Features are the picture: photo 0, picture 0.5, gray anime -0.5 throughout."""
    style = single_style(
        {
            "perceptual.vgg19.content": {"conv1_1": 2.0, "conv1_2": 3.0},
            "perceptual.vgg19.style": {"conv1_2": 4.0},
            "loss.support_generator": 300.0,
            "loss.support_labels": [1.0, 0.0],
            "loss.color": {"yuv": 10.0},
        }
    )
    objective = SingleTailObjective(style, plain_network())
    constant = objective.constant_features(photo=flat(0), anime_gray=flat(-0.5))
    terms = objective.generator(flat(0), flat(0.5), constant, tf.fill([1, 1, 1, 1], 0.8))
    # 2 * 0.5 at scale 1, 3 * 0.5 at scale 0.5
    assert float(terms["content"]) == pytest.approx(1.75)
    # both Gram matrices are 0.25 / 3 everywhere: without centring a flat picture has one, and the sign is lost
    assert float(terms["style_conv1_2"]) == pytest.approx(0.0, abs=1e-6)
    # Y goes from 0.5 to 0.75, U and V stay 0
    assert float(terms["color"]) == pytest.approx(2.5, rel=1e-4)
    assert float(terms["adversarial"]) == pytest.approx(300.0 * 0.2**2, rel=1e-4)
    assert float(terms["total_variation"]) == 0.0
    # against black anime the Gram distance is 0.25 / 3, times the weight 4 and the scale 0.5
    black = objective.constant_features(photo=flat(0), anime_gray=flat(0))
    terms = objective.generator(flat(0), flat(0.5), black, tf.ones([1, 1, 1, 1]))
    assert float(terms["style_conv1_2"]) == pytest.approx(0.25 / 3 * 2, rel=1e-5)


def test_the_discriminators_terms_by_hand():
    """AnimeGANv2's Hayao: 300 times 1.2, 1.2, 1.2 and 0.8."""
    objective = SingleTailObjective(load_style("animegan2-hayao"), None)
    logits = [tf.fill([1, 2, 2, 1], value) for value in (0.5, 0.25, 2.0, 1.0)]  # real, gray, fake, edges
    expected = 300 * (1.2 * 0.5**2 + 1.2 * 0.25**2 + 1.2 * 2.0**2 + 0.8 * 1.0**2)
    assert float(objective.discriminator(*logits)["discriminator_support"]) == pytest.approx(expected)
    alike = 300 * (1.2 * 0.5**2 + (1.2 + 1.2 + 0.8) * 0.5**2)
    assert float(objective.answering_alike(logits[0])) == pytest.approx(alike)


@pytest.mark.parametrize(
    ("name", "content", "style", "color", "variation", "discriminator", "batch_size", "rates"),
    [
        ("animegan2-hayao", 1.5, 2.5, 15.0, 1.0, (1.2, 1.2, 1.2, 0.8), 12, (2e-4, 2e-5, 4e-5)),
        ("animegan2-paprika", 2.0, 0.6, 50.0, 0.1, (1.0, 1.0, 1.0, 0.005), 12, (2e-4, 2e-5, 4e-5)),
        ("animegan2-shinkai", 1.2, 2.0, 10.0, 1.0, (1.7, 1.7, 1.7, 1.0), 12, (2e-4, 2e-5, 4e-5)),
        ("animegan1-hayao", 1.5, 3.0, 10.0, 0.0, (1.0, 1.0, 1.0, 0.1), 6, (1e-4, 8e-5, 16e-5)),
        ("animegan1-shinkai", 1.1, 3.0, 10.0, 0.0, (1.0, 1.0, 1.0, 0.1), 6, (1e-4, 8e-5, 16e-5)),
    ],
)
def test_the_published_recipes(name, content, style, color, variation, discriminator, batch_size, rates):
    """Upstream's weights are of features that are not divided by conv4_4's 512 channels."""
    recipe = load_style(name)
    weights, loss, settings = recipe.perceptual["vgg19"], recipe.loss, recipe.train
    assert weights.content == pytest.approx({"conv4_4": 512 * content})
    assert weights.style == pytest.approx({"conv4_4": 512 * style})
    assert (loss.color, loss.total_variation, loss.support_generator) == ({"yuv": color}, variation, 300.0)
    found = (loss.support_real, loss.support_fake, loss.support_gray, loss.support_edges)
    assert found == pytest.approx([300 * weight for weight in discriminator])
    assert loss.support_labels == [1.0, 0.0]
    assert settings.batch_size == batch_size
    found = settings.pretrain_learning_rate, settings.generator_learning_rate, settings.discriminator_learning_rate
    assert found == rates
    assert (recipe.generator, settings.resize) == (name.partition("-")[0], "legacy")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"generator": "animegan4"}, "generator is 'animegan4'; it must be one of animegan1, animegan2, animegan3"),
        ({"target.region_target": "l0"}, "region_target is 'l0'; animegan2 has none: set it to none"),
        ({"loss.flat_regions": 1.0}, "loss.flat_regions is 1.0; animegan2 has no region target: set it to 0"),
        ({"perceptual.vgg19.revision": 0.5}, "has weights for region or revision targets; animegan2 has none"),
        ({"generator": "animegan3"}, "region_target is 'none'.*animegan3 takes superpixel or l0"),
        ({"data.image_size": 18}, "image_size is 18; it must be a multiple of 4"),
    ],
)
def test_what_does_not_go_with_the_generation_is_refused(settings, words):
    with pytest.raises(UserError, match=words):
        single_style(settings)


@pytest.mark.slow
@pytest.mark.parametrize("generator", ["animegan1", "animegan2"])
def test_each_phase_moves_what_it_should(generator, eager):
    tf.keras.utils.set_random_seed(0)
    trainer = SingleTailTrainer(single_style({"generator": generator, "train.ema": 0.0}), plain_network())

    def moved(phase):
        trainer.phase = phase
        parts = (trainer.generator, trainer.average, trainer.support_discriminator)
        before = [[w.numpy() for w in part.weights] for part in parts]
        terms = trainer.train_step(batch())
        assert all(np.isfinite(float(value)) for value in terms.values())
        changed = [any((w.numpy() != v).any() for w, v in zip(p.weights, b)) for p, b in zip(parts, before)]
        return set(terms), changed

    terms, changed = moved(PRETRAIN)
    assert terms == {"loss", "pretrain", "contrast", "pretrain_gradient"}
    assert changed == [True, True, False]
    terms, changed = moved(ADVERSARIAL)
    assert {"content", "color", "adversarial", "style_conv1_1", "discriminator_support"} <= terms
    assert changed == [True, True, True]
    for ours, theirs in zip(trainer.generator.weights, trainer.average.weights):  # no averaging
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return write_pictures(root / "photo", 3), write_pictures(root / "anime", 3, first=10)


def plan(folders, settings=None, **changes):
    photos, anime = map(str, folders)
    return RunConfiguration(
        single_style(settings), photos, anime, "random", 2, 1, log_every=1, sample_every=2, **changes
    )


@pytest.mark.slow
def test_a_run_resumes_and_gives_another_its_weights(folders, tmp_path, eager, monkeypatch):
    monkeypatch.setattr(run, "load_perceptual", lambda *_: plain_network())
    train(plan(folders), tmp_path / "run", show=lambda line: None)
    grid = read_image(tmp_path / "run" / "samples" / "000002.png").rgb
    assert grid.shape[1] == 2 * 16 + 4  # photo and anime, a gap between them
    header = read_header(tmp_path / "run" / "generator.h5")
    assert (header["architecture"], header["step"]) == ("animegan2", 2)
    first = named_weights(load_generator(tmp_path / "run" / "generator.h5"))

    resumed = RunConfiguration.from_dict({**plan(folders).to_dict(), "steps": 3}, "plan")
    assert train(resumed, tmp_path / "run", resume=True, show=lambda line: None).step == 3

    origin = find_origin(tmp_path / "run" / "generator.h5")
    assert origin.path.endswith("generator.h5")
    begun = find_origin(tmp_path / "run")  # its newest state
    initial = read_initial(plan(folders, init=begun))
    assert initial.parts.keys() == {"average", "support_discriminator"}
    assert initial.parts["average"].keys() == first.keys()
    with pytest.raises(UserError, match="of architecture 'animegan2', style 'tiny' trains 'animegan1'"):
        read_initial(plan(folders, {"generator": "animegan1"}, init=begun))


def test_weights_of_another_generation_are_refused(folders, tmp_path):
    save_generator(tmp_path / "v3.h5", build_generator("main", resize="legacy"))
    save_generator(tmp_path / "v2.h5", build_deployed("animegan2", "legacy"), {"architecture": "animegan2"})
    with pytest.raises(UserError, match="of architecture 'animegan3', style 'tiny' trains 'animegan2'; name a style"):
        read_initial(plan(folders, init=find_origin(tmp_path / "v3.h5")))
    assert read_initial(plan(folders, init=find_origin(tmp_path / "v2.h5"))).parts.keys() == {"average"}
    origin = find_origin(tmp_path / "v2.h5")
    double = RunConfiguration(tiny_style({"train.resize": "legacy"}), "photo", "anime", "random", 2, 1, init=origin)
    with pytest.raises(UserError, match="of architecture 'animegan2', style 'tiny' trains 'animegan3'"):
        read_initial(double)
