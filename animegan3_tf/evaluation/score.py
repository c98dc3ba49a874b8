"""What single pictures are given marks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """A score's key, its name, and whether "lower" or "higher" is better ("" for neither)."""

    key: str
    name: str
    better: str
