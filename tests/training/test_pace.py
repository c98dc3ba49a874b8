import pytest
from helpers.driven import Clock

from animegan3_tf.training.callbacks import Pace, remaining


def test_the_rate_leaves_out_the_step_that_traces():
    clock = Clock()
    pace = Pace(clock)
    for seconds in (100.0, 0.5, 0.5):
        clock.now += seconds
        pace.count()
    assert pace.read() == pytest.approx(2.0)  # two steps in one second
    for _ in range(3):
        clock.now += 0.25
        pace.count()
    assert pace.read() == pytest.approx(4.0)
    assert pace.read() == 0.0


def test_a_first_step_alone_is_all_there_is_to_tell_from():
    clock = Clock()
    pace = Pace(clock)
    clock.now += 4.0
    pace.count()
    assert pace.read() == pytest.approx(0.25)
    clock.now += 1.0
    pace.count()
    assert pace.read() == pytest.approx(1.0)


def test_every_phase_traces_anew():
    clock = Clock()
    pace = Pace(clock)
    pace.count()
    pace.restart()
    clock.now += 60.0
    pace.count()
    clock.now += 1.0
    pace.count()
    assert pace.read() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("step", "rate", "steps", "pretrain", "words"),
    [
        (40, 2.0, 100, 0, "ends in 30 s"),
        (40, 2.0, 100, 100, "ends in 30 s"),  # there is no slower phase to come
        (40, 2.0, 1000, 60, "adversarial in 10 s"),
        (60, 2.0, 1021, 60, ""),  # at the rate of the faster phase
        (61, 2.0, 1021, 60, "ends in 8 min"),
        (100, 2.0, 100, 0, ""),
        (40, 0.0, 100, 0, ""),
        (40, float("nan"), 100, 0, ""),
    ],
)
def test_how_long_a_run_still_takes(step, rate, steps, pretrain, words):
    assert remaining(step, rate, steps, pretrain) == words
