import numpy as np
import pytest

from animegan3_tf.evaluation.distances import frechet_distance
from animegan3_tf.evaluation.result import bootstrap_interval


def test_a_mean_gets_the_interval_of_the_textbook():
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values.mean(), np.mean, [values], 2000)
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)


@pytest.mark.parametrize("most", [50, 5000])
def test_drawing_fewer_pictures_keeps_the_width(most):
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values.mean(), np.mean, [values], 2000, most=most)
    assert high - low == pytest.approx(2 * 1.96 / 20, rel=0.15)


def test_a_frechet_interval_holds_what_another_draw_gives():
    rng = np.random.default_rng(0)

    def draw():
        return rng.normal(size=(120, 16)), rng.normal(size=(150, 16)) + 0.3

    a, b = draw()
    estimate = frechet_distance(a, b)
    low, high = bootstrap_interval(estimate, frechet_distance, [a, b], 100)
    others = np.array([frechet_distance(*draw()) for _ in range(100)])
    assert low < estimate < high
    # the estimate itself is one draw, so the width is what can be held against the others' spread
    assert high - low == pytest.approx(2 * 1.96 * others.std(), rel=0.35)


def test_the_seed_decides():
    values = np.arange(30.0)
    first, again, other = (bootstrap_interval(14.5, np.mean, [values], 50, seed) for seed in (1, 1, 2))
    assert first == again != other
