"""Forty people with known preferences, a hundred times over: how often their preferences are found again."""

import numpy as np
import pytest
from helpers.studies import make_key, preference, write_answers

from animegan3_tf.study.score import score_files

SCORES = {"A": 0.9, "B": 0.3, "C": -0.2, "D": -1.0}
STUDIES, RATERS = 100, 40


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "tie", "items"), [("pairwise", 0.5, 24), ("ranking", 0.0, 8)])
def test_known_preferences_lie_within_the_intervals(tmp_path, kind, tie, items):
    """All four scores at once in at least 93 of 100 studies, the preference rates one by one in 93 % of the cases."""
    key = make_key("ABCD", 10, kind, items=items, repeats=2)
    truth = np.array([SCORES[method] for method in key.methods])
    found, rates = 0, []
    for number in range(STUDIES):
        write_answers(tmp_path / str(number), key, RATERS, SCORES, tie, seed=number)
        result = score_files(key, [tmp_path / str(number)])
        assert len(result.raters) == RATERS
        question = result.questions["overall"]
        found += bool(((question.scores.low <= truth) & (truth <= question.scores.high)).all())
        for i, method in enumerate(key.methods):
            rate = question.rate(i)
            rates.append(rate.low <= preference(SCORES, tie, method) <= rate.high)
    print(f"{kind}: {found} of {STUDIES} studies, {np.mean(rates):.1%} of {len(rates)} preference rates")
    assert found >= 93
    assert np.mean(rates) >= 0.93
