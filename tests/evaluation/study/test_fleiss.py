import numpy as np
import pytest

from animegan3_tf.study.statistics import fleiss_kappa

# Fleiss 1971: 30 patients, 6 psychiatrists, 5 diagnoses; who chose what, as the R package irr has it
DIAGNOSES = [
    "444444", "222555", "233335", "555555", "222444", "113333", "333355", "113334", "114444", "555555",
    "144444", "124444", "222333", "144444", "224445", "333335", "111455", "111112", "224444", "133555",
    "555555", "244444", "224555", "114444", "144445", "222224", "111155", "224444", "133333", "555555",
]  # fmt: skip


def table(rows, categories="12345"):
    return [[row.count(category) for category in categories] for row in rows]


def test_fleiss_own_example():
    assert fleiss_kappa(table(DIAGNOSES)) == pytest.approx(0.430, abs=5e-4)


def test_by_hand():
    """Three raters, two subjects: agreement 1 and 1/3, so 2/3; shares 5/6 and 1/6, so 26/36 by chance."""
    assert fleiss_kappa([[3, 0], [2, 1]]) == pytest.approx((2 / 3 - 26 / 36) / (1 - 26 / 36))


def test_unequal_numbers_of_raters():
    """Pairs that agree: 1 of 1, 1 of 3; shares 4/5 and 1/5; a subject with one rater tells nothing."""
    assert fleiss_kappa([[2, 0], [2, 1], [0, 1]]) == pytest.approx((2 / 4 - 17 / 25) / (1 - 17 / 25))


def test_the_ends():
    assert fleiss_kappa([[3, 0], [0, 3]]) == 1.0
    assert fleiss_kappa([[1, 1], [1, 1]]) == -1.0
    assert fleiss_kappa([[3, 0], [4, 0]]) is None  # nothing else was ever said
    assert fleiss_kappa([[1, 0], [0, 1]]) is None  # nobody to agree with


def test_chance_agrees_as_chance():
    counts = np.random.default_rng(0).multinomial(10, [0.5, 0.3, 0.2], size=4000)
    assert fleiss_kappa(counts) == pytest.approx(0.0, abs=0.01)
