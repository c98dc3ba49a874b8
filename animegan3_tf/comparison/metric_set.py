"""The interface through which metrics plug into a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from animegan3_tf.evaluation.result import Result
from animegan3_tf.evaluation.score import Score


@dataclass(frozen=True)
class Measured:
    """Measurements of one method's images.

    Attributes:
        results: Numbers over all images.
        kinds: The kinds of scores that single images have.
        scores: {key of a kind: float64 [N]} in the order of the pairs; NaN where there is no number.
        rejected: One line for each anime image that could not be read.
    """

    results: tuple[Result, ...]
    kinds: tuple[Score, ...]
    scores: dict[str, np.ndarray]
    rejected: tuple[str, ...] = ()


class MetricSet(Protocol):
    """Metrics of a comparison. They are called once for each method, with the same photos and the same anime."""

    def __call__(self, pairs: dict[Path, Path], anime: Path) -> Measured:
        """Measures a method's images against their photos and against anime.

        Args:
            pairs: {image of the method: its photo}, PNG files. The two of a pair have the same size.
            anime: The folder of anime images.
        """

    def to_dict(self) -> dict:
        """The networks and settings for the report: {what they measure: {key: value}, or None without a network}."""
