"""The registry of metrics: one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from animegan3_tf.evaluation.distances import SET_SCORES
from animegan3_tf.evaluation.face_scores import FACE_SCORES
from animegan3_tf.evaluation.image_scores import PAIR_SCORES
from animegan3_tf.evaluation.result import Score

_REGISTRIES: dict[str, dict[Score, Any]] = {"pairs": PAIR_SCORES, "sets": SET_SCORES}


def register_metric(score: Score, measure: Callable[[np.ndarray, np.ndarray], float | None], of: str = "pairs") -> None:
    """Adds a metric: from now on, `evaluate` and `compare` measure it, and their reports show it.

    Args:
        score: Its key and names.
        measure: Its function. Of "pairs", it takes a photo and its image, uint8 RGB [H, W, 3] of one size, and returns
            a number, or None where there is none; several threads call it. Of "sets", it takes features of the
            generated images [N, D] and of a reference [M, D], and returns a number; its keys end in _anime and _photos.
        of: "pairs" or "sets".

    Raises:
        ValueError: There is a metric of this key.
    """
    if any(score.key == other.key for other in (*PAIR_SCORES, *SET_SCORES, *FACE_SCORES)):
        raise ValueError(f"metric {score.key!r} is there already; give another key")
    _REGISTRIES[of][score] = measure
