import random

import pytest

from animegan3_tf.data.near_duplicates import hamming
from animegan3_tf.inspection.inspect import MOST, duplicate_groups

BASE = 0xF0F0_3C3C_A5A5_9696


def test_groups_are_chains_of_near_hashes():
    near, nearer, far = BASE ^ 0b11, BASE ^ (1 << 63), BASE ^ 0b111000
    assert duplicate_groups([BASE, far, near, BASE, nearer]) == [[0, 2, 3, 4]]
    assert duplicate_groups([far, BASE]) == []
    assert duplicate_groups([BASE, near], most=1) == []


def test_nearly_empty_pictures_say_nothing():
    assert duplicate_groups([0, 0, 1, 2**64 - 1, 2**64 - 1]) == []


def test_every_pair_that_is_near_is_found():
    rng = random.Random(1)
    hashes = [rng.getrandbits(64) for _ in range(150)]
    for value in hashes[:60]:
        for bit in rng.sample(range(64), rng.randint(1, 3)):
            value ^= 1 << bit
        hashes.append(value)
    expected = {(i, j) for i in range(len(hashes)) for j in range(i) if hamming(hashes[i], hashes[j]) <= MOST}
    found = {(i, j) for group in duplicate_groups(hashes) for i in group for j in group if i > j}
    assert expected <= found
    assert 20 < len(expected) < 60


def test_more_than_the_bands_can_find_is_refused():
    with pytest.raises(ValueError, match="at most 2"):
        duplicate_groups([], most=5)
