"""Whether an image still shows the person of its photo."""

from __future__ import annotations

import numpy as np

_ALL_BELOW, _DRAWN = 200, 20_000  # below so many photos every pair is measured, else so many random pairs


def between_persons(photos: np.ndarray, seed: int = 0) -> float:
    """Computes the mean Euclidean distance between the faces of different photos.

    Each photo counts as another person. All pairs are measured, or 20,000 random ones from 200 photos on.

    Args:
        photos: Embedded faces [N, D], two or more.
        seed: The seed of the random pairs.

    Returns:
        The distance, in the embedding's unit.

    Raises:
        ValueError: There are fewer than two faces.
    """
    if len(photos) < 2:
        raise ValueError(f"a baseline needs the faces of 2 photos or more, got {len(photos)}")
    first, second = np.triu_indices(len(photos), 1) if len(photos) < _ALL_BELOW else _pairs(len(photos), seed)
    return float(np.linalg.norm(photos[first] - photos[second], axis=1).mean())


def identity_similarity(photos: np.ndarray, images: np.ndarray, between: float) -> np.ndarray:
    """Computes 1 - distance / between for the faces of photos and of their images.

    The number is relative to the photos' own spread, so that it compares embeddings and sets of photos better than
    raw distances do.

    Args:
        photos: Embedded faces of photos [N, D].
        images: Embedded faces of their images [N, D].
        between: See `between_persons`.

    Returns:
        [N]: 1 for the same face, 0 for one as far away as strangers are on average, below 0 for one farther away.
    """
    return 1.0 - np.linalg.norm(photos - images, axis=1) / between


def _pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    first = rng.integers(0, count, _DRAWN)
    return first, (first + rng.integers(1, count, _DRAWN)) % count
