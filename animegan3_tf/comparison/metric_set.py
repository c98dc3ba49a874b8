"""The seam at which metrics plug into a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from animegan3_tf.evaluation.result import Result
from animegan3_tf.evaluation.score import Score


@dataclass(frozen=True)
class Measured:
    """What was measured on one method's pictures.

    results: numbers over all of them. kinds: of the pictures' own scores. scores: {key of a kind: float64 [N]} in the
    order of the pairs, NaN where there is no number. rejected: a line for each anime picture that could not be read.
    """

    results: tuple[Result, ...]
    kinds: tuple[Score, ...]
    scores: dict[str, np.ndarray]
    rejected: tuple[str, ...] = ()


class MetricSet(Protocol):
    """Any metrics: called once a method, with the same photos and the same anime."""

    def __call__(self, pairs: dict[Path, Path], anime: Path) -> Measured:
        """Measures {picture of the method: its photo} against the photos and a folder of anime.

        Pictures and photos are PNG of the same size, pair by pair.
        """

    def to_dict(self) -> dict:
        """The networks and settings, for the report: {what: {key: value} or None}."""
