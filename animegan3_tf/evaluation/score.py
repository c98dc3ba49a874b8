"""What single pictures are given marks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """A score's key, its name, whether "lower" or "higher" is better ("" for neither), and how pictures are averaged.

    average: "mean" or "median".
    """

    key: str
    name: str
    better: str
    average: str = "mean"
