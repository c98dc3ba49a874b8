import numpy as np
import pytest
import tensorflow as tf
from helpers.driven import drive
from helpers.tiny_training import plain_network, tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.collapse import PATIENCE, Collapse, contrast
from animegan3_tf.training.trainer import ADVERSARIAL
from animegan3_tf.training.two_tail import Trainer

SOUND = {"generator_gradient": 3.0, "contrast": 0.3}
DEAD = {"generator_gradient": 0.0, "contrast": 0.0}


def watched(folder, steps, keep_going=False, patience=6):
    """(warnings, the error that ended the run or None, the callback)."""
    warnings = []
    callback = Collapse(folder, warnings.append, keep_going, patience)
    try:
        drive(callback, steps)
    except UserError as error:
        return warnings, str(error), callback
    return warnings, None, callback


@pytest.mark.parametrize(
    ("step", "sign"),
    [
        (DEAD, "its gradient was 0 and it drew one colour"),
        ({"pretrain_gradient": 0.0, "contrast": 0.3}, "its gradient was 0"),
        ({"generator_gradient": 3.0, "contrast": 0.0077}, "it drew one colour"),  # a level of 256 is 0.0078
    ],
)
def test_a_collapse_is_told_and_then_ends_the_run(tmp_path, step, sign):
    (warning,), error, _ = watched(tmp_path, [SOUND] * 3 + [step] * 6)
    assert f"step 5: the generator has collapsed: since step 4 {sign}; the run stops at step 9 if it lasts" in warning
    assert f"step 9: the generator has collapsed: for 6 steps {sign}, and the run stopped; no state is known" in error
    assert "train.generator_learning_rate" in error
    assert "--keep-going" in error


def test_a_collapse_that_is_shorter_ends_nothing_and_a_sound_step_forgets_it(tmp_path):
    warnings, error, callback = watched(tmp_path, ([DEAD] * 5 + [SOUND]) * 3)
    assert (len(warnings), error, callback.said) == (3, None, "")
    assert watched(tmp_path, [DEAD, SOUND] * 20)[:2] == ([], None)
    assert watched(tmp_path, [{"loss": 0.0}] * 20)[:2] == ([], None)  # steps that have neither of the values


def test_it_is_told_once_where_the_run_is_to_go_on(tmp_path):
    (warning,), error, callback = watched(tmp_path, [DEAD] * 40, keep_going=True)
    assert error is None
    assert warning == f"WARNING: {callback.said}"
    seen = "its gradient was 0 and it drew one colour"
    assert callback.said == f"step 2: the generator has collapsed: since step 1 {seen}"


def test_the_newest_state_of_before_is_named(tmp_path):
    for step in (2, 3, 4, 8):
        (tmp_path / f"state-{step:06d}.h5").touch()
    _, error, _ = watched(tmp_path, [SOUND] * 3 + [DEAD] * 6)
    assert "remove the states after 'state-000003.h5', which is from before that, then --resume --override" in error


def test_a_resumed_run_that_is_still_collapsed_stops_too(tmp_path):
    callback = Collapse(tmp_path, print)
    (tmp_path / "state-000500.h5").touch()  # collapsed as well
    with pytest.raises(UserError, match=f"step {500 + PATIENCE}: .* no state is known to be from before that"):
        drive(callback, [DEAD] * PATIENCE, first=501)


def images(*deviations, side=8):
    """Gray images whose pixels deviate by that much from their mean."""
    checks = np.indices((side, side)).sum(0) % 2 * 2.0 - 1.0
    return tf.constant([np.repeat((d * checks)[..., None], 3, 2) for d in deviations], tf.float32)


@pytest.mark.parametrize(
    ("photos", "pictures", "expected"),
    [
        ((0.5, 0.5), (0.25, 0.75), 0.5),
        ((0.5, 0.5), (0.0, 0.0), 0.0),
        ((0.5, 0.0), (0.0, 0.0), 0.5),  # of a blank photo a blank picture is right
        ((0.0, 0.0), (0.0, 0.0), 1.0),
    ],
)
def test_the_contrast_of_pictures(photos, pictures, expected):
    assert float(contrast(images(*photos), images(*pictures))) == pytest.approx(expected, abs=1e-6)


def test_one_channel_is_enough_and_borders_are_pixels():
    red = images(0.5) * [1.0, 0.0, 0.0]
    assert float(contrast(images(0.5), red)) == pytest.approx(0.5)
    bordered = tf.pad(tf.zeros([1, 6, 6, 3]), [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-1.0)  # 28 of 64
    assert float(contrast(images(0.5), bordered)) == pytest.approx(np.sqrt(28 / 64 * 36 / 64))


@pytest.mark.slow
def test_the_terms_of_a_step_show_a_generator_that_has_collapsed(eager):
    trainer = Trainer(tiny_style({"train.batch_size": 2}), plain_network(), lambda image: image)
    batch = {
        name: tf.random.stateless_uniform([2, 16, 16, 3], seed=(seed, 1), minval=-1, maxval=1)
        for seed, name in enumerate(("photo", "photo_region", "anime", "anime_smooth"))
    }
    for phase in ("pretrain", ADVERSARIAL):
        trainer.enter_phase(phase)
        terms = trainer.train_step(batch)
        assert float(terms["contrast"]) > 0.02  # of weights as they are drawn
        assert float(terms[f"{'generator' if phase == ADVERSARIAL else phase}_gradient"]) > 0
    for variable in trainer.generator.trainable_variables:  # nothing reaches the images, and nothing the weights
        variable.assign(tf.zeros_like(variable))
    terms = trainer.train_step(batch)
    assert (float(terms["contrast"]), float(terms["generator_gradient"])) == (0.0, 0.0)
