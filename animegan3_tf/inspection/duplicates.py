"""Finds images that look the same by their difference hashes, without comparing every pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

MOST = 2  # bits by which hashes of one image may differ after resizing or compressing it again
_BITS, _BANDS = 64, MOST + 1  # if at most MOST bits differ, at least one of MOST + 1 bands is equal
_FLAT = 6  # bits: a hash with fewer set, or fewer clear, is of a nearly empty image; such hashes are all alike


def duplicate_groups(hashes: Sequence[int], most: int = MOST) -> list[list[int]]:
    """Groups images that look the same. Nearly empty images belong to no group.

    Args:
        hashes: One `difference_hash` for each image.
        most: Bits by which two hashes of a group's chain may differ, at most `MOST`.

    Returns:
        Indices into `hashes`, in groups of two or more: each group ascending, the largest group first.

    Raises:
        ValueError: `most` is larger than `MOST`.
    """
    if most > MOST:
        raise ValueError(f"most is {most}; give at most {MOST}")
    alike: dict[int, list[int]] = defaultdict(list)
    for number, value in enumerate(hashes):
        if _FLAT <= bin(value).count("1") <= _BITS - _FLAT:
            alike[value].append(number)
    values = np.array(list(alike), np.uint64)
    parents = list(range(len(values)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    for i, j in _near(values, most):
        parents[root(j)] = root(i)
    groups: dict[int, list[int]] = defaultdict(list)
    for i, value in enumerate(alike):
        groups[root(i)] += alike[value]
    found = [sorted(group) for group in groups.values() if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group))


def _near(values: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Pairs of indices whose values differ in at most `most` bits; only values that share a band are compared."""
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
