"""Pictures that look the same, found by their difference hashes without comparing each with each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

MOST = 2  # bits in which hashes of one picture, resized or compressed again, may differ
_BITS, _BANDS = 64, MOST + 1  # of MOST differing bits, at least one of MOST + 1 bands has none
_FLAT = 6  # bits: hashes with fewer set, or clear, are of nearly empty pictures, which all look alike to it


def duplicate_groups(hashes: Sequence[int], most: int = MOST) -> list[list[int]]:
    """Numbers of the pictures that look the same, in groups of two or more, each ascending; largest group first.

    hashes: see `difference_hash`. most: differing bits, at most `MOST`.
    """
    if most > MOST:
        raise ValueError(f"most is {most}; give at most {MOST}")
    alike = defaultdict(list)
    for number, value in enumerate(hashes):
        if _FLAT <= bin(value).count("1") <= _BITS - _FLAT:
            alike[value].append(number)
    values = np.array(list(alike), np.uint64)
    parents = list(range(len(values)))

    def root(i):
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    for i, j in _near(values, most):
        parents[root(j)] = root(i)
    groups = defaultdict(list)
    for i, value in enumerate(alike):
        groups[root(i)] += alike[value]
    found = [sorted(group) for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group))


def _near(values, most):
    """Pairs of places whose values differ in at most `most` bits, sought among those with a band in common."""
    width = -(-_BITS // _BANDS)
    for band in range(_BANDS):
        keys = (values >> np.uint64(band * width)) & np.uint64((1 << width) - 1)
        order = np.argsort(keys, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for k in range(len(places) - 1):
                differing = np.bitwise_xor(values[places[k + 1 :]], values[places[k]])
                bits = np.unpackbits(differing[:, None].view(np.uint8), axis=1).sum(axis=1)
                for other in np.flatnonzero(bits <= most):
                    yield int(places[k]), int(places[k + 1 + other])
