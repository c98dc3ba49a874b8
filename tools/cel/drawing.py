"""Drawing tools for the demo's cel-shaded images: curves, flat fills with cel shadows, ink of varying width."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from typing import Union

import cv2
import numpy as np

Point = Union[np.ndarray, Sequence[float]]  # (x, y)
Points = Union[np.ndarray, Sequence[Sequence[float]]]  # [K, 2]
Colour = Sequence[float]  # RGB 0..255

OVERSAMPLING = 4  # drawn this much larger and area-reduced: that is the anti-aliasing
_SHIFT = 4  # cv2 takes coordinates as integers in 1/16 pixel


class Canvas:
    """An RGB drawing in progress, addressed in coordinates that `place` chooses.

    Points are float arrays [K, 2] of (x, y); colours are RGB triples 0..255.

    Attributes:
        size: Side of the finished square image in pixels.
        pixels: uint8 [size * OVERSAMPLING, size * OVERSAMPLING, 3], the drawing so far.
    """

    def __init__(self, size: int, colour: Colour = (255, 255, 255)) -> None:
        """Starts an empty drawing, whose coordinates are [0, 1] across the image, y down.

        Args:
            size: Side of the finished square image in pixels.
            colour: Its ground.
        """
        self.size = size
        side = size * OVERSAMPLING
        self.pixels = np.full((side, side, 3), colour, np.uint8)
        self.place()

    def place(
        self, centre: Point = (0.0, 0.0), unit: float = 1.0, degrees: float = 0.0, mirrored: bool = False
    ) -> None:
        """Chooses the coordinates of what is drawn from now on.

        Args:
            centre: The origin, in fractions of the image's side.
            unit: Length of a unit, in fractions of the image's side.
            degrees: Angle by which the coordinates are turned.
            mirrored: Whether left and right change places.
        """
        angle = math.radians(degrees)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        flip = np.diag([-1.0 if mirrored else 1.0, 1.0])
        side = self.size * OVERSAMPLING
        self._matrix = (turn @ flip) * unit * side
        self._origin = np.asarray(centre, float) * side
        self._unit = unit * side

    def mask(self, *shapes: Points, within: np.ndarray | None = None) -> np.ndarray:
        """Returns the area of the closed shapes, uint8 0 or 255 at drawing size; `within` cuts it to another mask."""
        area = np.zeros(self.pixels.shape[:2], np.uint8)
        for shape in shapes:
            cv2.fillPoly(area, [self._grid(shape)], (255,), shift=_SHIFT)
        return area if within is None else cv2.bitwise_and(area, within)

    def fill(self, shape: Points, colour: Colour, within: np.ndarray | None = None) -> None:
        """Fills one closed shape with a flat colour, cut to the mask `within` when given."""
        if within is None:
            cv2.fillPoly(self.pixels, [self._grid(shape)], _triple(colour), shift=_SHIFT)
        else:
            self.paint(self.mask(shape, within=within), colour)

    def paint(self, area: np.ndarray, colour: Colour) -> None:
        """Fills the area of a mask with a flat colour."""
        cv2.copyTo(np.full_like(self.pixels, _triple(colour)), area, self.pixels)

    def gradient(self, top: Colour, bottom: Colour, end: float = 1.0, bands: int = 0) -> None:
        """Fills the image with a vertical gradient.

        Args:
            top: Colour at the upper border.
            bottom: Colour from `end` on downwards.
            end: Height at which `bottom` is reached, as a fraction of the image's side.
            bands: Number of flat bands with hard steps between them; 0 for a smooth gradient.
        """
        side = self.pixels.shape[0]
        share = np.clip(np.arange(side) / side / end, 0, 1)
        if bands:
            share = np.minimum(np.floor(share * bands), bands - 1) / max(bands - 1, 1)
        rows = np.asarray(top) * (1 - share[:, None]) + np.asarray(bottom) * share[:, None]
        self.pixels[:] = rows[:, None].round()

    def ink(self, points: Points, width: float, colour: Colour, taper: bool = True) -> None:
        """Draws a pen stroke.

        Args:
            points: The curve it follows.
            width: Its greatest width, in units.
            colour: Colour of the ink.
            taper: Whether the stroke thins out towards both ends.
        """
        pixels = self._pixels(points)
        steps = np.linspace(0, 1, len(pixels) - 1)
        widths = width * self._unit * (0.3 + 0.7 * np.sin(np.pi * steps) if taper else np.ones_like(steps))
        self._segments(pixels, widths, colour)

    def outline(self, shape: Points, width: float, colour: Colour) -> None:
        """Inks the border of a closed shape, thicker on its underside as a brush does."""
        points = self._pixels(shape)
        points = np.vstack([points, points[:1]])
        middle, spread = points[:, 1].mean(), max(np.ptp(points[:, 1]), 1e-6)
        lowness = (points[:-1, 1] - middle) / spread  # -0.5 at the top, 0.5 at the bottom
        self._segments(points, width * self._unit * (0.9 + 0.6 * lowness), colour)

    def finish(self) -> np.ndarray:
        """Returns the image, uint8 RGB [size, size, 3]."""
        return cv2.resize(self.pixels, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _segments(self, points: np.ndarray, widths: np.ndarray, colour: Colour) -> None:
        grid = np.round(points * 2**_SHIFT).astype(int)
        for start, stop, width in zip(grid[:-1].tolist(), grid[1:].tolist(), widths):
            cv2.line(self.pixels, start, stop, _triple(colour), max(1, round(width)), shift=_SHIFT)

    def _pixels(self, points: Points) -> np.ndarray:
        return np.asarray(points, float) @ self._matrix.T + self._origin

    def _grid(self, points: Points) -> np.ndarray:
        return np.round(self._pixels(points) * 2**_SHIFT).astype(np.int32)


def smooth(points: Points, closed: bool = False, steps: int = 10) -> np.ndarray:
    """Draws a Catmull-Rom curve through points.

    Args:
        points: [K, 2].
        closed: Whether the curve returns to its first point.
        steps: Points of the curve from one of `points` to the next.

    Returns:
        Float [K * steps, 2] of a closed curve, [(K - 1) * steps + 1, 2] of an open one.
    """
    points = np.asarray(points, float)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    knots = np.vstack([ends[0], points, ends[1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(knots[:-3], knots[1:-2], knots[2:-1], knots[3:]):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    if not closed:
        pieces.append(points[-1:])
    return np.vstack(pieces)


def mirror(half: Points) -> np.ndarray:
    """Returns the curve through the right half of a symmetric shape, from the middle line on, and its mirror image."""
    half = np.asarray(half, float)
    return smooth(np.vstack([half[:0:-1] * (-1, 1), half]))


def arc(start: Point, bend: Point, stop: Point, steps: int = 12) -> np.ndarray:
    """Returns a quadratic Bezier curve [steps, 2] from `start` to `stop`, pulled towards `bend`."""
    t = np.linspace(0, 1, steps)[:, None]
    start, bend, stop = (np.asarray(point, float) for point in (start, bend, stop))
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * stop


def ellipse(centre: Point, half_width: float, half_height: float, degrees: float = 0.0, steps: int = 40) -> np.ndarray:
    """Returns a closed ellipse [steps, 2], turned by `degrees`."""
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    points = np.stack([half_width * np.cos(t), half_height * np.sin(t)], 1)
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return points @ turn.T + np.asarray(centre, float)


def moved(shape: Points, right: float, down: float) -> np.ndarray:
    """Returns the points, shifted."""
    return np.asarray(shape, float) + np.array([right, down])


def without(area: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Returns the mask `area` minus the mask `hole`."""
    return cv2.bitwise_and(area, cv2.bitwise_not(hole))


def mix(first: Colour, second: Colour, share: float) -> tuple[int, ...]:
    """Returns the colour that lies `share` of the way from `first` to `second`."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second))


def hsv(hue: float, saturation: float, value: float) -> tuple[int, ...]:
    """Returns the RGB 0..255 of a colour given in [0, 1]; the hue wraps around."""
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def shade(colour: Colour, strength: float = 0.3) -> tuple[int, ...]:
    """Returns the cel shadow of a colour: darker and a little towards violet, as painted shadows are."""
    return mix(colour, tuple(part * scale for part, scale in zip(colour, (0.35, 0.2, 0.45))), strength)


def _triple(colour: Colour) -> tuple[int, ...]:
    return tuple(int(part) for part in colour)
