import pytest
from helpers.driven import drive
from helpers.tiny_training import plain_network, tiny_style

from animegan3_tf.training.objectives import Dominance, undecided_loss
from animegan3_tf.training.two_tail import Objective


def steps(discriminator, styles):
    return [{"discriminator_support": discriminator, "style_a": s / 4, "style_b": s * 3 / 4} for s in styles]


def warnings(*parts, window=4):
    lines = []
    callback = Dominance(undecided=1.0, warn=lines.append, window=window)
    drive(callback, [terms for part in parts for terms in part])
    return lines


def test_a_discriminator_that_has_won_gives_one_warning():
    (warning,) = warnings(steps(0.04, [2, 2, 2, 2, 2, 2, 2]))
    assert "step 4" in warning
    assert "4.0%" in warning
    assert "train.discriminator_learning_rate" in warning


def test_it_warns_again_after_the_discriminator_erred():
    assert len(warnings(steps(0.04, [2] * 4), steps(0.5, [2] * 4), steps(0.04, [2] * 4))) == 2


def test_nothing_is_said_while_style_falls_or_the_discriminator_errs():
    assert not warnings(steps(0.04, [2.0, 2.0, 1.9, 1.9]))
    assert warnings(steps(0.04, [2.0, 2.0, 1.99, 1.99]))  # by half a percent, not by one
    assert not warnings(steps(0.06, [2] * 8))


def test_it_takes_a_whole_window_of_the_adversarial_phase():
    assert not warnings(steps(0.0, [2] * 3))
    assert not warnings([{"loss": 0.0}] * 8, steps(0.0, [2] * 3))


@pytest.mark.parametrize(
    ("changes", "least"),
    [
        # 0.5 (a - 0.9)^2 + 3 (a - 0.1)^2 is least at a = (0.45 + 0.3) / 3.5: 0.5 * 3 / 3.5 * 0.8^2
        ({}, 0.5 * 3 / 3.5 * 0.64),
        # 0.5 relu(1 - a) + 3 relu(1 + a) is least at a = -1
        ({"loss.adversarial": "hinge"}, 1.0),
    ],
)
def test_the_loss_of_a_discriminator_that_cannot_tell(changes, least):
    objective = Objective(tiny_style(changes), plain_network())
    assert undecided_loss(objective) == pytest.approx(least, rel=5e-3)  # answers are tried in steps of 0.05
