import numpy as np
import pytest

from animegan3_tf.study.statistics import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # by hand with z = 1.95996, z^2 = 3.84146: (8 + 1.92073 -+ 1.95996 sqrt(8 * 2 / 10 + 0.96036)) / 13.84146
        (8, 10, 0.4902, 0.9433),
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),  # z^2 / (10 + z^2)
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_known_intervals(successes, trials, low, high):
    assert wilson_interval(successes, trials) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_arrays_halves_and_no_trials():
    low, high = wilson_interval(np.array([0.0, 2.5, 4.0]), np.array([0, 5, 4]))
    assert (low[0], high[0]) == (0.0, 1.0)
    assert low[1] + high[1] == pytest.approx(1.0)  # centred on one half
    assert (low[2], high[2]) == (pytest.approx(4 / (4 + 3.84146), abs=1e-5), 1.0)


def test_more_confidence_is_a_wider_interval():
    assert wilson_interval(3, 9, 0.99)[1] > wilson_interval(3, 9, 0.95)[1] > wilson_interval(3, 9, 0.5)[1]
