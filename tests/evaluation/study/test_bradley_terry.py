import math

import numpy as np
import pytest

from animegan3_tf.study.statistics import bradley_terry


def matches(*results):
    """(first, second, wins, losses, ties) -> arrays of single comparisons."""
    rows = [
        (a, b, outcome) for a, b, *counts in results for outcome, count in zip((1, -1, 0), counts) for _ in range(count)
    ]
    return tuple(np.array(rows).T)


def test_three_methods_by_hand():
    """Strengths 4 : 2 : 1 expect 2 of 3, 4 of 5 and 2 of 3, which is what was seen: the scores are log 2, 0, -log 2."""
    fit = bradley_terry(*matches((0, 1, 2, 1, 0), (0, 2, 4, 1, 0), (2, 1, 1, 2, 0)), np.zeros(11, int), 3)
    np.testing.assert_allclose(fit.values, [math.log(2), 0.0, -math.log(2)], atol=1e-9)
    assert (fit.tie, fit.stabilised) == (0.0, False)


def test_interval_of_two_methods_by_hand():
    """3 wins of 4: s = log(3)/2, its standard error sqrt(1 / (4 * 3/4 * 1/4)) / 2; at Sidak's level, z = 2.2365."""
    fit = bradley_terry(*matches((0, 1, 3, 1, 0)), np.zeros(4, int), 2)
    half = 2.2365 * math.sqrt(4 / 3) / 2
    assert fit.values[0] == pytest.approx(math.log(3) / 2)
    assert fit.low[0] == pytest.approx(math.log(3) / 2 - half, abs=1e-4)
    assert fit.high[1] == pytest.approx(-math.log(3) / 2 + half, abs=1e-4)


def test_ties_by_hand():
    """Davidson for one pair: odds 4 : 1 : 3 of win, loss and tie are e^(2s) = 4 and nu = 3 / sqrt(4 * 1)."""
    fit = bradley_terry(*matches((0, 1, 4, 1, 3)), np.zeros(8, int), 2)
    np.testing.assert_allclose(fit.values, [math.log(2), -math.log(2)], atol=1e-9)
    assert fit.tie == pytest.approx(1.5)


def test_expected_counts_give_the_scores_back():
    """Ten thousand comparisons a pair in the very shares of Davidson's model with s = (1, 0, -1), nu = 0.5."""
    scores, tie, results = (1.0, 0.0, -1.0), 0.5, []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        d = scores[a] - scores[b]
        odds = np.array([math.exp(d / 2), math.exp(-d / 2), tie])
        results.append((a, b, *np.rint(10_000 * odds / odds.sum()).astype(int)))
    fit = bradley_terry(*matches(*results), np.zeros(30_000, int), 3)
    np.testing.assert_allclose(fit.values, scores, atol=2e-3)
    assert fit.tie == pytest.approx(tie, abs=2e-3)
    assert (fit.low < scores).all()
    assert (fit.high > scores).all()


def test_the_names_of_sides_do_not_matter():
    first, second, outcome = matches((0, 1, 5, 2, 1), (0, 2, 3, 3, 2), (1, 2, 1, 4, 0))
    raters = np.arange(len(first)) % 4
    one = bradley_terry(first, second, outcome, raters, 3)
    other = bradley_terry(second, first, -outcome, raters, 3)
    for name in ("values", "low", "high"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-9)


def test_raters_who_each_repeat_themselves_count_less():
    """Four raters who say one thing ten times know little more than four answers: the intervals are those of raters."""
    first, second, outcome = matches((0, 1, 20, 20, 0))
    alone = bradley_terry(first, second, outcome, np.arange(40), 2)
    stubborn = bradley_terry(first, second, outcome, np.arange(40) // 10, 2)
    assert stubborn.high[0] > 3 * alone.high[0]


def test_a_method_that_always_wins_has_a_finite_score_and_it_is_said():
    fit = bradley_terry(*matches((0, 1, 9, 0, 0), (1, 2, 3, 3, 0), (0, 2, 9, 0, 0)), np.arange(24) % 6, 3)
    assert fit.stabilised
    # 9 wins and half a win against half a win: the first is log 19 above two that are level
    np.testing.assert_allclose(fit.values, np.array([2, -1, -1]) * math.log(19) / 3, atol=1e-9)
    assert np.isfinite([fit.low, fit.high]).all()


@pytest.mark.parametrize("outcome", [1, 0])
def test_one_kind_of_answer_alone(outcome):
    fit = bradley_terry([0] * 8, [1] * 8, [outcome] * 8, range(8), 2)
    assert fit.stabilised
    assert np.isfinite([fit.low, fit.high]).all()
    assert (fit.values[0] > 1) == (outcome == 1)


def test_methods_that_were_never_compared_get_wide_intervals():
    fit = bradley_terry(*matches((0, 1, 6, 6, 0)), np.arange(12), 3)
    assert fit.stabilised
    assert fit.high[2] - fit.low[2] > fit.high[0] - fit.low[0]
