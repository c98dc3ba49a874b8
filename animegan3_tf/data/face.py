"""A face in a photo, and the interface of a face detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """Where a face is, in pixels of its photo: pixel i covers i to i + 1, so a whole photo is (0, 0, width, height).

    Attributes:
        box: (left, top, right, bottom); it may reach beyond the photo.
        confidence: From 0 to 1.
        landmarks: (x, y) points that begin with the two eyes, the left one first as the viewer sees them; empty when
            unknown.
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
    """Finds faces.

    Attributes:
        settings: Everything its answers depend on, as JSON takes it. The manifest keeps it; crops made with other
            settings are made anew.
    """

    settings: dict

    def __call__(self, photos: Sequence[np.ndarray], names: Sequence[str] = ()) -> list[list[Face]]:
        """Finds the faces of several photos.

        Args:
            photos: uint8 RGB [H, W, 3] each.
            names: The photos' paths below their folder, for detectors that go by name.

        Returns:
            The faces of each photo.
        """
