"""A face in a photo, and what it takes to be a detector of faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels of its photo: pixel i covers i to i + 1, so a whole photo is (0, 0, width, height).

    box: (left, top, right, bottom); it may reach beyond the photo. confidence: 0..1.
    landmarks: (x, y) points that begin with the two eyes, left one first as the viewer sees them; empty when unknown.
    """

    box: tuple[float, float, float, float]
    confidence: float = 1.0
    landmarks: tuple[Point, ...] = ()

    @property
    def side(self) -> float:
        """The longer side of the box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def center(self) -> Point:
        """The middle of the box."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Detector(Protocol):
    """Finds faces; anything that has these two will do.

    settings: what its answers depend on, as JSON takes it; the manifest keeps it, and other settings make crops anew.
    """

    settings: dict

    def __call__(self, pictures: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """The faces of each uint8 RGB picture [H, W, 3]; names are the photos' paths below their folder."""
