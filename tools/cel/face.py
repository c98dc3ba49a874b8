"""Draws the face of a cel-shaded portrait, in head units: the origin between the cheeks, the chin near y = 1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cel.drawing import Canvas, Points, arc, ellipse, hsv, mirror, mix, moved, shade, smooth, without

if TYPE_CHECKING:
    from cel.portrait import Character

_WHITE = (252, 252, 252)


def skin_shadow(look: Character) -> tuple[int, ...]:
    """Returns the colour of shadows on skin, which stays warm as painters keep it."""
    return mix(look.skin, (150, 48, 66), 0.3)


def draw_face(canvas: Canvas, look: Character, bangs: Points) -> None:
    """Draws ears, the face's outline, the cast shadow of the `bangs` [K, 2], the cheek's cel shadow and the blush."""
    dark = skin_shadow(look)
    for side in (-1, 1):
        ear = ellipse((side * 0.86, 0.28), 0.13, 0.22, side * 12)
        canvas.fill(ear, look.skin)
        canvas.outline(ear, 0.04, look.ink)
    chin = 1.02 + 0.1 * look.chin
    jaw = 0.42 + 0.1 * (1 - look.chin)
    half = [(0, chin), (0.16, chin - 0.05), (jaw, 0.85), (0.71, 0.56), (0.83, 0.2), (0.84, -0.3), (0.6, -0.85)]
    face = moved(mirror(half), look.turn * 0.4, 0)
    canvas.fill(face, look.skin)
    area = canvas.mask(face)
    canvas.fill(moved(bangs, 0.03, 0.11), dark, within=area)  # the bangs' cast shadow
    cheek = smooth(
        [(0.62 + look.turn, -0.4), (0.6 + look.turn, 0.3), (0.5, 0.7), (0.1, 1.2), (1.2, 1.2), (1.2, -0.4)], closed=True
    )
    canvas.fill(cheek, dark, within=area)
    for side in (-1, 1):
        blush = ellipse((side * 0.52 + look.turn, 0.56), 0.14, 0.065)
        canvas.fill(blush, mix(look.skin, (240, 96, 96), 0.28), within=area)
    canvas.outline(face, 0.036, look.ink)


def draw_eye(canvas: Canvas, look: Character, side: int) -> None:
    """Draws one eye; side is -1 for the left of the image, 1 for the right."""
    far = 1 - 0.9 * max(0.0, side * look.turn)  # the eye on the far side of a turned head is narrower
    x, y, wide, high = side * 0.4 + look.turn, 0.22, look.eye_width * far, look.eye_height
    upper = smooth(
        np.array([(-0.95, 0.25), (-0.75, -0.55), (0.0, -1.0), (0.7, -0.7), (1.05, 0.1)]) * (side * wide, high) + (x, y)
    )
    lower = smooth(
        np.array([(1.05, 0.1), (0.8, 0.75), (0.1, 1.0), (-0.65, 0.8), (-0.95, 0.25)]) * (side * wide, high) + (x, y)
    )
    shape = np.vstack([upper, lower])
    area = canvas.mask(shape)
    canvas.paint(area, _WHITE)
    iris_x = x + look.turn * 0.5
    iris = ellipse((iris_x, y + 0.02), wide * 0.66, high * 0.98)
    inside = canvas.mask(iris, within=area)
    deep, bright = hsv(look.eyes, 0.75, 0.35), hsv(look.eyes + 0.03, 0.62, 0.88)
    canvas.paint(inside, hsv(look.eyes, 0.72, 0.62))
    canvas.fill(ellipse((iris_x, y + high * 0.62), wide * 0.52, high * 0.42), bright, within=inside)
    canvas.fill(ellipse((iris_x, y - high * 0.75), wide, high * 0.75), deep, within=inside)
    canvas.fill(ellipse((iris_x, y + high * 0.08), wide * 0.28, high * 0.44), mix(deep, (0, 0, 0), 0.65), within=inside)
    canvas.outline(iris, 0.03, mix(deep, (0, 0, 0), 0.5))
    lid = moved(shape, 0, -high * 1.62)
    canvas.fill(lid, (212, 208, 226), within=without(area, inside))
    canvas.fill(ellipse((iris_x - wide * 0.26, y - high * 0.36), wide * 0.22, high * 0.24), _WHITE)
    canvas.fill(ellipse((iris_x + wide * 0.26, y + high * 0.48), wide * 0.11, high * 0.12), _WHITE)
    canvas.ink(upper, 0.1, look.ink)
    canvas.ink(upper[6:-4] - (0, 0.012), 0.1, look.ink, taper=False)
    canvas.ink(
        arc(upper[-1] - (side * 0.03, 0.04), upper[-1] + (side * 0.03, 0), upper[-1] + (side * 0.09, -0.07)),
        0.06,
        look.ink,
    )
    canvas.ink(lower[8:-12], 0.028, look.ink)
    crease = upper[10:-8] - (0, high * 0.3)
    canvas.ink(crease, 0.025, shade(look.skin, 0.75))


def draw_brow(canvas: Canvas, look: Character, side: int) -> None:
    """Draws one eyebrow, over the hair as anime does; `side` as in `draw_eye`."""
    x, y = side * 0.42 + look.turn, -0.2 - (look.eye_height - 0.2)
    curve = arc((x - side * 0.2, y + 0.03), (x, y - 0.1), (x + side * 0.24, y + 0.04))
    canvas.ink(curve, 0.05, mix(look.ink, look.hair, 0.35))


def draw_nose_and_mouth(canvas: Canvas, look: Character) -> None:
    """Draws the nose as a tick, and the character's mouth."""
    x = look.turn * 1.5
    line = shade(look.skin, 0.8)
    canvas.ink(arc((x + 0.01, 0.52), (x + 0.07, 0.57), (x, 0.6)), 0.035, line)
    y = 0.78
    if look.mouth == "open":
        mouth = smooth(
            [(x - 0.15, y - 0.02), (x, y + 0.0), (x + 0.15, y - 0.02), (x + 0.09, y + 0.12), (x - 0.09, y + 0.12)],
            closed=True,
        )
        canvas.fill(mouth, (150, 54, 62))
        canvas.fill(ellipse((x, y + 0.13), 0.1, 0.06), (236, 130, 128), within=canvas.mask(mouth))
        canvas.outline(mouth, 0.035, look.ink)
    else:
        sag = 0.09 if look.mouth == "smile" else 0.02
        canvas.ink(arc((x - 0.15, y), (x, y + sag), (x + 0.15, y - 0.01)), 0.045, mix(line, look.ink, 0.5))
