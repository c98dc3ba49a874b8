import numpy as np
import pytest

from animegan3_tf.study.statistics import effective_size


def test_by_hand():
    """Two raters of two answers, 1 1 and 1 0: the share is 3/4, raters are 1/2 and -1/2 off, so its variance is

    2/1 * (1/4 + 1/4) / 16 = 1/16, against 3/16 of one answer: three answers, times (1.95996 / 12.7062)^2 for t.
    """
    assert effective_size([1, 1, 1, 0], [7, 7, 9, 9]) == pytest.approx(3 * 0.154253**2, rel=1e-4)


def test_answers_that_tell_nothing_of_their_raters_count_full():
    assert effective_size([1, 0, 1, 0], [0, 0, 1, 1]) == 4  # no variance between raters
    assert effective_size([1, 0, 1], [0, 0, 0]) == 3  # one rater
    assert effective_size([1, 1, 1], [0, 1, 2]) == 3


def test_raters_of_one_mind_are_one_answer_each():
    """Fifty raters who say one thing ten times are fifty answers, less for Student's t and the degree of freedom."""
    values = np.repeat(np.arange(50) % 2, 10)
    assert effective_size(values, np.repeat(np.arange(50), 10)) == pytest.approx(
        49 * (1.95996 / 2.00958) ** 2, rel=1e-4
    )
