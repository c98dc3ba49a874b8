import json
import math
from collections import Counter
from itertools import combinations, product

import pytest
from helpers.studies import make_key
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.study.design import Study, resolve_size
from animegan3_tf.study.schema import StudyForm


def cells(key, trials):
    """(photo, the set of methods) of trials."""
    table = [key.study.trials[trial] for trial in trials]
    return [(photo, frozenset(key.pictures[code][1] for code in codes)) for photo, codes in table]


def spread(values, of):
    counts = Counter(values)
    return max(counts.values()) - (min(counts.values()) if len(counts) == of else 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 14), st.data())
def test_blocks_are_balanced(methods, photos, data):
    """Within a rater photos and pairs, over all blocks every photo with every pair."""
    pairs = methods * (methods - 1) // 2
    items = data.draw(st.integers(1, photos * pairs))
    key = make_key("ABCDEF"[:methods], photos, items=items, repeats=0)
    names = [frozenset(pair) for pair in combinations(key.methods, 2)]
    assert Counter(cells(key, range(photos * pairs))) == Counter(product(map("p{}".format, range(photos)), names))
    seen = Counter()
    for number in range(key.study.blocks):
        block = cells(key, key.study.block(number))
        assert len(set(block)) == items
        assert spread([photo for photo, _ in block], photos) <= 1
        assert spread([pair for _, pair in block], pairs) <= (1 if math.gcd(photos, pairs) == 1 else 2)
        seen.update(block)
    assert len(seen) == photos * pairs
    assert len(set(seen.values())) == 1


def test_rankings_show_every_method():
    key = make_key("ABC", 7, "ranking", items=3, repeats=1)
    assert key.study.blocks == 7
    assert [sorted(key.pictures[code][1] for code in codes) for _, codes in key.study.trials] == [list("ABC")] * 7


def test_which_picture_stands_first_says_nothing_of_the_method():
    key = make_key("AB", 400, items=10)
    first = Counter(key.pictures[codes[0]][1] for _, codes in key.study.trials)
    assert 150 < first["A"] < 250  # five standard deviations


@pytest.mark.parametrize(
    ("kind", "photos", "methods", "items", "repeats", "expected"),
    [
        ("pairwise", 50, 4, None, None, (24, 3)),
        ("pairwise", 50, 5, None, None, (30, 3)),  # ten pairs, three times
        ("pairwise", 2, 3, None, None, (6, 2)),
        ("ranking", 50, 4, None, None, (12, 3)),
        ("ranking", 2, 4, None, None, (2, 0)),
        ("pairwise", 50, 3, 10, 0, (10, 0)),
    ],
)
def test_sizes(kind, photos, methods, items, repeats, expected):
    assert resolve_size(kind, photos, methods, items, repeats) == expected


@pytest.mark.parametrize(("items", "repeats"), [(0, None), (7, None), (6, 3), (6, -1)])
def test_sizes_that_do_not_fit(items, repeats):
    with pytest.raises(UserError, match="is not between"):
        resolve_size("pairwise", 2, 3, items, repeats)


def test_a_study_survives_json():
    study = make_key().study
    form = StudyForm.model_validate_json(json.dumps(study.to_dict()))
    assert Study(**form.model_dump()) == study
