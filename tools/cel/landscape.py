"""Draws one cel-painted landscape: sky gradient, sun, hard-edged clouds, hills or sea, trees or houses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cel.drawing import Canvas, Colour, Point, arc, ellipse, hsv, mix, moved, shade, smooth


@dataclass(frozen=True)
class _Light:
    """The colours of a time of day."""

    zenith: Colour
    horizon: Colour
    sun: Colour
    cloud: Colour
    cloud_shadow: Colour
    tint: Colour  # what everything on the ground is mixed with ...
    tinting: float  # ... by this much


_NOON = _Light((38, 120, 214), (176, 226, 248), (255, 252, 226), (255, 255, 255), (186, 210, 238), (255, 255, 235), 0.0)
_MORNING = _Light(
    (96, 170, 220), (255, 232, 196), (255, 246, 200), (255, 250, 240), (232, 206, 206), (255, 232, 190), 0.15
)
_SUNSET = _Light((78, 66, 140), (255, 160, 92), (255, 226, 140), (255, 188, 150), (176, 102, 136), (206, 84, 74), 0.32)
_NIGHT = _Light((16, 20, 62), (62, 76, 142), (250, 246, 214), (92, 104, 160), (58, 66, 120), (22, 26, 80), 0.62)
_LIGHTS = (_NOON, _NOON, _MORNING, _SUNSET, _NIGHT)


def draw_landscape(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a landscape, uint8 RGB [size, size, 3]; the same generator state gives the same image."""
    light = _LIGHTS[rng.integers(len(_LIGHTS))]
    canvas = Canvas(size)
    horizon = rng.uniform(0.52, 0.7)
    _sky(canvas, light, horizon, rng)
    for _ in range(rng.integers(2, 5)):
        _cloud(canvas, light, (rng.random(), rng.uniform(0.1, horizon - 0.1)), rng.uniform(0.12, 0.32), rng)
    _ridge(canvas, light, horizon - 0.03, hsv(0.58, 0.35, 0.75), 0.05, rng)
    if rng.random() < 0.35:
        _sea(canvas, light, horizon, rng)
    else:
        _ridge(canvas, light, horizon + 0.04, hsv(rng.uniform(0.3, 0.42), 0.5, 0.6), 0.06, rng)
        ground = hsv(rng.uniform(0.22, 0.34), 0.58, 0.72)
        _ridge(canvas, light, horizon + 0.16, ground, 0.04, rng)
        for x in np.sort(rng.uniform(0.05, 0.95, rng.integers(1, 4))):
            draw = _house if rng.random() < 0.4 else _tree
            draw(canvas, light, (x, horizon + rng.uniform(0.17, 0.26)), rng.uniform(0.1, 0.17), rng)
        _grass(canvas, light, ground, rng)
    if rng.random() < 0.3:
        _power_line(canvas, rng)
    return canvas.finish()


def _lit(colour: Colour, light: _Light) -> tuple[int, ...]:
    return mix(colour, light.tint, light.tinting)


def _ink(colour: Colour) -> tuple[int, ...]:
    return mix(shade(colour, 0.9), (24, 18, 36), 0.6)


def _sky(canvas: Canvas, light: _Light, horizon: float, rng: np.random.Generator) -> None:
    canvas.gradient(light.zenith, light.horizon, end=horizon, bands=0 if rng.random() < 0.6 else 7)
    if light is _NIGHT:
        for x, y in rng.random((40, 2)) * (1, horizon):
            radius = rng.uniform(0.002, 0.006)
            canvas.fill(ellipse((x, y), radius, radius), (246, 246, 255))
    sun = (rng.uniform(0.15, 0.85), rng.uniform(0.12, horizon))
    around = mix(light.zenith, light.horizon, min(1.0, sun[1] / horizon))
    for radius, share in ((0.2, 0.18), (0.13, 0.4), (0.08, 1.0)):  # the glow is painted in flat rings
        canvas.fill(ellipse(sun, radius, radius), mix(around, light.sun, share))


def _cloud(canvas: Canvas, light: _Light, centre: tuple[float, float], width: float, rng: np.random.Generator) -> None:
    """Draws round heaps on a flat base; the shadow is the same heaps, pushed down and cut to the cloud."""
    heaps = []
    for x in np.linspace(-1, 1, 7):
        radius = width * (0.42 - 0.26 * abs(x)) * rng.uniform(0.75, 1.2)
        heaps.append(ellipse((centre[0] + x * width, centre[1] - radius * 0.6), radius * 1.1, radius))
    base = ellipse(centre, width * 1.25, width * 0.13)
    area = canvas.mask(*heaps, base)
    canvas.paint(area, light.cloud)
    offset = np.array((width * 0.1, width * 0.2))
    canvas.paint(
        canvas.mask(*[heap + offset for heap in heaps], moved(base, 0.02, width * 0.07), within=area),
        light.cloud_shadow,
    )


def _ridge(
    canvas: Canvas, light: _Light, height: float, colour: Colour, swing: float, rng: np.random.Generator
) -> None:
    xs = np.linspace(-0.05, 1.05, 9)
    line = smooth(np.stack([xs, height + rng.uniform(-swing, swing, 9)], 1))
    colour = _lit(colour, light)
    shape = np.vstack([line, [(1.1, 1.1), (-0.1, 1.1)]])
    area = canvas.mask(shape)
    canvas.paint(area, colour)
    shift = rng.uniform(0.05, 0.12)
    dark = smooth(np.stack([xs, height + shift + rng.uniform(-swing, swing, 9)], 1))
    canvas.fill(np.vstack([dark, [(1.1, 1.1), (-0.1, 1.1)]]), shade(colour, 0.25), within=area)
    canvas.ink(line, 0.006, _ink(colour), taper=False)


def _sea(canvas: Canvas, light: _Light, horizon: float, rng: np.random.Generator) -> None:
    water = mix(light.zenith, _lit((30, 110, 170), light), 0.5)
    canvas.fill([(-0.1, horizon), (1.1, horizon), (1.1, 1.1), (-0.1, 1.1)], water)
    canvas.ink([(-0.1, horizon), (1.1, horizon)], 0.005, _ink(water), taper=False)
    glint = mix(light.sun, water, 0.25)
    middle = rng.uniform(0.3, 0.7)
    for depth in np.linspace(0.02, 1, 16) ** 1.4:
        y = horizon + depth * (1 - horizon)
        x, half = middle + rng.normal(0, 0.13), (0.03 + 0.14 * depth) * rng.uniform(0.5, 1.3)
        canvas.fill(ellipse((x, y), half, 0.004 + 0.01 * depth), glint)
        canvas.fill(ellipse((rng.random(), y + 0.01), half, 0.003 + 0.009 * depth), shade(water, 0.3))


def _tree(canvas: Canvas, light: _Light, foot: Point, size: float, rng: np.random.Generator) -> None:
    x, y = foot
    bark = _lit((112, 76, 54), light)
    trunk = [(x - 0.1 * size, y), (x - 0.06 * size, y - size), (x + 0.06 * size, y - size), (x + 0.12 * size, y)]
    canvas.fill(trunk, bark)
    canvas.outline(trunk, 0.006, _ink(bark))
    leaf = _lit(hsv(rng.choice((0.3, 0.36, 0.92, 0.08)), 0.5, 0.72), light)
    turns = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    reach = rng.uniform(0.72, 1.0, 11)[:, None]
    crown = smooth(np.stack([np.cos(turns), np.sin(turns)], 1) * reach * size * 0.85 + (x, y - 1.5 * size), closed=True)
    area = canvas.mask(crown)
    canvas.paint(area, leaf)
    canvas.fill(crown + np.array((0.22, 0.45)) * size, shade(leaf), within=area)
    for _ in range(4):
        spot = np.array((x, y - 1.85 * size)) + rng.uniform(-0.35, 0.3, 2) * size
        canvas.fill(ellipse(spot, 0.16 * size, 0.09 * size), mix(leaf, light.sun, 0.35), within=area)
    canvas.outline(crown, 0.008, _ink(leaf))


def _house(canvas: Canvas, light: _Light, foot: Point, size: float, rng: np.random.Generator) -> None:
    x, y = foot
    wall, roof = _lit(hsv(rng.uniform(0.05, 0.14), 0.18, 0.95), light), _lit(hsv(rng.random(), 0.55, 0.65), light)
    front = [(x - size, y), (x - size, y - size), (x + size * 0.2, y - size), (x + size * 0.2, y)]
    flank = [(x + size * 0.2, y), (x + size * 0.2, y - size), (x + size, y - size * 0.9), (x + size, y - 0.05 * size)]
    top = [
        (x - size * 1.15, y - size),
        (x - size * 0.55, y - 1.7 * size),
        (x + size * 0.75, y - 1.65 * size),
        (x + size * 1.15, y - 0.85 * size),
        (x + size * 0.25, y - size * 0.92),
    ]
    for shape, colour in ((front, wall), (flank, shade(wall)), (top, roof)):
        canvas.fill(shape, colour)
        canvas.outline(shape, 0.007, _ink(colour))
    pane = (255, 226, 140) if light in (_SUNSET, _NIGHT) else (126, 178, 214)
    for left in (-0.8, -0.3):
        window = np.array([(left, -0.7), (left + 0.3, -0.7), (left + 0.3, -0.35), (left, -0.35)]) * size + foot
        canvas.fill(window, pane)
        canvas.outline(window, 0.005, _ink(wall))


def _grass(canvas: Canvas, light: _Light, ground: Colour, rng: np.random.Generator) -> None:
    blade = shade(_lit(ground, light), 0.4)
    for x in rng.uniform(0, 1, 14):
        y = rng.uniform(0.88, 1.0)
        for lean in (-0.015, 0.004, 0.02):
            canvas.ink(arc((x, y), (x, y - 0.03), (x + lean, y - 0.05), steps=6), 0.007, blade)


def _power_line(canvas: Canvas, rng: np.random.Generator) -> None:
    x, ink = rng.uniform(0.1, 0.9), (44, 40, 58)
    canvas.fill([(x - 0.008, 0.12), (x + 0.008, 0.12), (x + 0.012, 1.1), (x - 0.012, 1.1)], ink)
    for y in (0.17, 0.23):
        canvas.fill([(x - 0.07, y), (x + 0.07, y), (x + 0.07, y + 0.012), (x - 0.07, y + 0.012)], ink)
        for end in (-0.1, 1.1):
            canvas.ink(arc((x, y), ((x + end) / 2, y + 0.12), (end, y - 0.02)), 0.005, ink, taper=False)
