"""A kind of score that single images have."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """A kind of score.

    Attributes:
        key: Its name in JSON and CSV.
        name: Its name in reports.
        better: "lower", "higher", or "" where neither is better.
        average: How images are averaged, "mean" or "median".
    """

    key: str
    name: str
    better: str
    average: str = "mean"
