from collections import Counter

import pytest
from helpers.studies import make_key

from animegan3_tf.study.design import mulberry32, schedule


def test_mulberry32_gives_its_published_stream():
    """First outputs of the reference implementation for the seed 0, as fractions of 2^32."""
    below = mulberry32(0)
    drawn = [below(2**20) / 2**20 for _ in range(3)]
    assert drawn == pytest.approx([0.26642920868471265, 0.0003297457005828619, 0.2232720274478197], abs=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_a_rater_sees_the_block_and_its_repeats_reversed(seed):
    study = make_key(items=24, repeats=8).study
    shown = schedule(study, seed, 2)
    first = {one.trial: one for one in shown if not one.repeat}
    again = [one for one in shown if one.repeat]
    assert sorted(first) == sorted(study.block(2))
    assert len(again) == 8
    assert len({one.trial for one in again}) == 8
    places = [(one.trial, one.repeat) for one in shown]
    for one in again:
        assert one.pictures == first[one.trial].pictures[::-1]
        assert places.index((one.trial, True)) - places.index((one.trial, False)) >= 5  # half of 24, less 7
    for one in first.values():
        assert sorted(one.pictures) == sorted(study.trials[one.trial][1])


def test_sides_and_places_are_even_over_raters():
    study = make_key("AB", 4, items=4, repeats=0).study
    left, places = Counter(), Counter()
    for seed in range(1000):
        shown = schedule(study, seed, 0)
        left[shown[0].pictures == study.trials[shown[0].trial][1]] += 1
        places[shown[0].trial] += 1
    assert 420 < left[True] < 580  # five standard deviations
    assert all(180 < places[trial] < 320 for trial in range(4))


def test_the_seed_decides():
    study = make_key().study
    assert schedule(study, 7, 1) == schedule(study, 7, 1) != schedule(study, 8, 1)
