"""The pencil box of the demo's cel-shaded drawings: curves, flat fills with cel shadows, ink of varying width."""

from __future__ import annotations

import colorsys
import math

import cv2
import numpy as np

OVERSAMPLING = 4  # drawn this much larger and area-reduced: that is the anti-aliasing
_SHIFT = 4  # cv2 takes coordinates as integers in 1/16 pixel


class Canvas:
    """An RGB drawing in progress, addressed in coordinates that `place` chooses.

    size: side of the finished square picture in pixels. Coordinates start as [0, 1] across the picture, y down.
    Points are float arrays [K, 2] of (x, y); colours are RGB triples 0..255.
    """

    def __init__(self, size: int, colour=(255, 255, 255)):
        self.size = size
        side = size * OVERSAMPLING
        self.pixels = np.full((side, side, 3), colour, np.uint8)
        self.place()

    def place(self, centre=(0.0, 0.0), unit=1.0, degrees=0.0, mirrored=False):
        """Puts the origin at `centre` (in picture fractions), one unit long, turned, mirrored left to right."""
        angle = math.radians(degrees)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        flip = np.diag([-1.0 if mirrored else 1.0, 1.0])
        side = self.size * OVERSAMPLING
        self._matrix = (turn @ flip) * unit * side
        self._origin = np.asarray(centre, float) * side
        self._unit = unit * side

    def mask(self, *shapes, within=None):
        """The area of the closed shapes, uint8 0 or 255 at drawing size; `within` cuts it to another mask."""
        area = np.zeros(self.pixels.shape[:2], np.uint8)
        for shape in shapes:
            cv2.fillPoly(area, [self._grid(shape)], 255, shift=_SHIFT)
        return area if within is None else cv2.bitwise_and(area, within)

    def fill(self, shape, colour, within=None):
        """Fills one closed shape with a flat colour, cut to the mask `within` when given."""
        if within is None:
            cv2.fillPoly(self.pixels, [self._grid(shape)], _triple(colour), shift=_SHIFT)
        else:
            self.paint(self.mask(shape, within=within), colour)

    def paint(self, area, colour):
        """Fills the area of a mask with a flat colour."""
        cv2.copyTo(np.full_like(self.pixels, _triple(colour)), area, self.pixels)

    def gradient(self, top, bottom, end=1.0, bands=0):
        """Fills the picture from the colour `top` to `bottom`, reached at height `end`; bands > 0 makes hard steps."""
        side = self.pixels.shape[0]
        share = np.clip(np.arange(side) / side / end, 0, 1)
        if bands:
            share = np.minimum(np.floor(share * bands), bands - 1) / max(bands - 1, 1)
        rows = np.asarray(top) * (1 - share[:, None]) + np.asarray(bottom) * share[:, None]
        self.pixels[:] = rows[:, None].round()

    def ink(self, points, width, colour, taper=True):
        """A pen stroke along `points`, `width` at its thickest; tapered strokes thin out towards both ends."""
        points = self._pixels(points)
        steps = np.linspace(0, 1, len(points) - 1)
        widths = width * self._unit * (0.3 + 0.7 * np.sin(np.pi * steps) if taper else np.ones_like(steps))
        self._segments(points, widths, colour)

    def outline(self, shape, width, colour):
        """Inks the border of a closed shape, thicker on its underside as a brush does."""
        points = self._pixels(shape)
        points = np.vstack([points, points[:1]])
        middle, spread = points[:, 1].mean(), max(np.ptp(points[:, 1]), 1e-6)
        lowness = (points[:-1, 1] - middle) / spread  # -0.5 at the top, 0.5 at the bottom
        self._segments(points, width * self._unit * (0.9 + 0.6 * lowness), colour)

    def finish(self):
        """The picture: uint8 RGB [size, size, 3]."""
        return cv2.resize(self.pixels, (self.size, self.size), interpolation=cv2.INTER_AREA)

    def _segments(self, points, widths, colour):
        grid = np.round(points * 2**_SHIFT).astype(int)
        for start, stop, width in zip(grid[:-1].tolist(), grid[1:].tolist(), widths):
            cv2.line(self.pixels, start, stop, _triple(colour), max(1, round(width)), shift=_SHIFT)

    def _pixels(self, points):
        return np.asarray(points, float) @ self._matrix.T + self._origin

    def _grid(self, points):
        return np.round(self._pixels(points) * 2**_SHIFT).astype(np.int32)


def smooth(points, closed=False, steps=10):
    """A Catmull-Rom curve through `points` [K, 2]; returns [about K * steps, 2]."""
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


def mirror(half):
    """The curve through the right half of a symmetric shape, which starts on the middle line, and its mirror image."""
    half = np.asarray(half, float)
    return smooth(np.vstack([half[:0:-1] * (-1, 1), half]))


def arc(start, bend, stop, steps=12):
    """A quadratic Bezier curve from `start` to `stop`, pulled towards `bend`."""
    t = np.linspace(0, 1, steps)[:, None]
    start, bend, stop = (np.asarray(point, float) for point in (start, bend, stop))
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * stop


def ellipse(centre, half_width, half_height, degrees=0.0, steps=40):
    """A closed ellipse [steps, 2], turned by `degrees`."""
    t = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    points = np.stack([half_width * np.cos(t), half_height * np.sin(t)], 1)
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return points @ turn.T + np.asarray(centre, float)


def moved(shape, right, down):
    """The points, shifted."""
    return np.asarray(shape, float) + np.array([right, down])


def without(area, hole):
    """The mask `area` minus the mask `hole`."""
    return cv2.bitwise_and(area, cv2.bitwise_not(hole))


def mix(first, second, share):
    """The colour `share` of the way from `first` to `second`."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second))


def hsv(hue, saturation, value):
    """RGB 0..255 of a colour given in [0, 1]; the hue wraps around."""
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def shade(colour, strength=0.3):
    """The cel shadow of a colour: darker and a little towards violet, as painted shadows are."""
    return mix(colour, tuple(part * scale for part, scale in zip(colour, (0.35, 0.2, 0.45))), strength)


def _triple(colour):
    return tuple(int(part) for part in colour)
