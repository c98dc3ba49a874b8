import numpy as np
import pytest

from animegan3_tf.evaluation.result import Score
from animegan3_tf.reports.html import best_and_worst, evenly

VALUES = np.array([3.0, np.nan, 1.0, 4.0, 2.0])


@pytest.mark.parametrize(("better", "best", "worst"), [("lower", [2, 4], [3, 0]), ("higher", [3, 0], [2, 4])])
def test_the_extreme_ones_come_first_and_those_without_a_score_not_at_all(better, best, worst):
    found = best_and_worst(Score("k", "k", better), VALUES, 2)
    assert {what: numbers.tolist() for what, numbers in found.items()} == {"best": best, "worst": worst}


def test_nothing_is_best_where_neither_direction_is_or_nothing_was_scored():
    assert best_and_worst(Score("k", "k", ""), VALUES, 2) == {}
    assert best_and_worst(Score("k", "k", "lower"), np.full(2, np.nan), 2) == {}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, ""), (1, "a"), (2, "aj"), (4, "adgj"), (20, "abcdefghij")],
)
def test_what_is_picked_is_spread_over_all(count, expected):
    assert evenly(list("abcdefghij"), count) == list(expected)
