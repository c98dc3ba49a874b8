"""Whether a picture still shows the person of its photo."""

from __future__ import annotations

import numpy as np

_ALL_BELOW, _DRAWN = 200, 20_000  # photos whose pairs are all taken; pairs drawn of more


def between_persons(photos: np.ndarray, seed: int = 0) -> float:
    """Mean Euclidean distance of two different photos' faces [N, D], each taken to be another person.

    All pairs, or 20,000 random ones from 200 photos on.
    """
    if len(photos) < 2:
        raise ValueError(f"a baseline needs the faces of 2 photos or more, got {len(photos)}")
    first, second = np.triu_indices(len(photos), 1) if len(photos) < _ALL_BELOW else _pairs(len(photos), seed)
    return float(np.linalg.norm(photos[first] - photos[second], axis=1).mean())


def identity_similarity(photos: np.ndarray, pictures: np.ndarray, between: float) -> np.ndarray:
    """1 - distance / between, [N], for faces of photos and of their pictures [N, D].

    1 for the same face, 0 for one as far away as strangers are on average; below 0 farther still. Being relative to the
    photos' own spread, it compares embeddings and photo sets better than raw distances do.
    """
    return 1.0 - np.linalg.norm(photos - pictures, axis=1) / between


def _pairs(count, seed):
    rng = np.random.default_rng(seed)
    first = rng.integers(0, count, _DRAWN)
    return first, (first + rng.integers(1, count, _DRAWN)) % count
