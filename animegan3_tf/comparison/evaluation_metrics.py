"""The metrics of `animegan3 evaluate` as a metric set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.comparison.metric_set import Measured
from animegan3_tf.evaluation.evaluate import evaluate_pairs, rejected
from animegan3_tf.evaluation.measures import Measures


@dataclass(frozen=True)
class EvaluationMetrics:
    """Measures everything that `measures` has a network for.

    The features of photos and anime are computed for the first method; the others take them from the cache.

    Attributes:
        measures: The networks and settings.
        progress: A function such as `animegan3_tf.progress.progress`.
    """

    measures: Measures
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext()

    def __call__(self, pairs: dict[Path, Path], anime: Path) -> Measured:
        """See `MetricSet`."""
        found = evaluate_pairs(pairs, anime, self.measures, self.progress)
        places = {path: place for place, path in enumerate(found.pairs)}
        order = np.array([places.get(path, -1) for path in pairs], int)

        def in_order(values: np.ndarray) -> np.ndarray:
            return np.append(values, np.nan)[order]

        scores = {key: in_order(values) for key, values in found.scores.items()}
        return Measured(found.results, found.kinds, scores, tuple(rejected(found)))

    def to_dict(self) -> dict:
        """See `MetricSet`."""
        measures = self.measures
        return {
            "features": measures.features and measures.features.to_dict(),
            "distance": measures.distance and measures.distance.to_dict(),
            "anime_likeness": measures.likeness and measures.likeness.to_dict(),
            "faces": measures.detector and measures.detector.settings,
            "identity": measures.embedding and measures.embedding.to_dict(),
            "bootstrap": {"replicates": measures.replicates, "seed": measures.seed},
        }
