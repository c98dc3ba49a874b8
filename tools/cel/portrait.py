"""Draws one anime-like portrait: flat skin with a cel shadow, big eyes, hair masses with a shine band, dark ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cel.drawing import Canvas, Colour, arc, ellipse, hsv, mirror, mix, moved, shade, smooth
from cel.face import draw_brow, draw_eye, draw_face, draw_nose_and_mouth, skin_shadow

_SKINS = ((255, 228, 210), (252, 216, 190), (244, 200, 168), (224, 172, 134), (186, 128, 92), (142, 92, 66))
_HAIR = (
    ((48, 40, 52), (96, 62, 44), (146, 92, 52), (226, 186, 104), (186, 70, 46)),
    ((60, 92, 160), (232, 142, 168), (112, 84, 158), (88, 150, 138), (208, 210, 222)),
)
_EYE_HUES = (0.58, 0.48, 0.35, 0.08, 0.78, 0.95, 0.12)
_WHITE = (252, 252, 252)


@dataclass(frozen=True)
class Character:
    """The looks of one character; lengths in head units (half a head's width is about 0.85)."""

    skin: Colour
    hair: Colour
    eyes: float  # hue
    cloth: Colour
    accent: Colour
    chin: float  # 0 round, 1 pointed
    eye_height: float
    eye_width: float
    turn: float  # sideways shift of the features: a head turned a little
    length: float  # how far down the back hair reaches
    fringe: int  # number of bangs
    back: str  # bob, long, tails, short
    mouth: str  # smile, open, flat
    wear: str  # sailor, hood, shirt, plain

    @property
    def ink(self) -> tuple[int, ...]:
        """The colour of the lines: the hair's, nearly black."""
        return mix(mix(self.hair, (0, 0, 0), 0.78), (44, 26, 36), 0.5)


def draw_portrait(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draws a bust portrait, uint8 RGB [size, size, 3]; the same generator state gives the same image."""
    look = _choose_character(rng)
    canvas = Canvas(size)
    _background(canvas, rng)
    centre = (0.5 + rng.uniform(-0.04, 0.04), 0.47 + rng.uniform(-0.03, 0.04))
    unit, degrees = rng.uniform(0.25, 0.33), rng.uniform(-7, 7)
    mirrored = bool(rng.random() < 0.5)
    canvas.place(centre, unit, degrees, mirrored)
    _back_hair(canvas, look, rng)
    canvas.place(centre, unit, degrees * 0.3, mirrored)  # the body stays more upright than the head
    _body(canvas, look)
    canvas.place(centre, unit, degrees, mirrored)
    crown, bangs = _fringe(look, rng)
    draw_face(canvas, look, bangs)
    for side in (-1, 1):
        draw_eye(canvas, look, side)
    draw_nose_and_mouth(canvas, look)
    _front_hair(canvas, look, crown, bangs, rng)
    for side in (-1, 1):
        draw_brow(canvas, look, side)
    if rng.random() < 0.3:
        _hairpin(canvas, look)
    return canvas.finish()


def _choose_character(rng: np.random.Generator) -> Character:
    natural = _HAIR[0] if rng.random() < 0.6 else _HAIR[1]
    return Character(
        skin=_SKINS[rng.integers(len(_SKINS))],
        hair=mix(natural[rng.integers(len(natural))], hsv(rng.random(), 0.5, 0.6), 0.12),
        eyes=_EYE_HUES[rng.integers(len(_EYE_HUES))] + rng.uniform(-0.03, 0.03),
        cloth=hsv(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.35, 0.95)),
        accent=hsv(rng.random(), rng.uniform(0.55, 0.85), rng.uniform(0.6, 0.95)),
        chin=rng.uniform(0, 1),
        eye_height=rng.uniform(0.18, 0.29),
        eye_width=rng.uniform(0.24, 0.28),
        turn=rng.uniform(-0.09, 0.09),
        length=rng.uniform(1.0, 2.2),
        fringe=int(rng.integers(4, 7)),
        back=("bob", "long", "tails", "short")[rng.integers(4)],
        mouth=("smile", "open", "flat")[rng.integers(3)],
        wear=("sailor", "hood", "shirt", "plain")[rng.integers(4)],
    )


def _background(canvas: Canvas, rng: np.random.Generator) -> None:
    hue = rng.random()
    light, dark = hsv(hue, rng.uniform(0.05, 0.3), 0.97), hsv(hue + 0.06, rng.uniform(0.3, 0.6), rng.uniform(0.55, 0.9))
    kind = rng.integers(4)
    if kind == 0:
        canvas.gradient(light, light)
    elif kind == 1:
        canvas.gradient(dark, light)
    elif kind == 2:
        canvas.gradient(light, dark, bands=int(rng.integers(3, 6)))
    else:
        canvas.gradient(mix(light, dark, 0.4), light)
        for _ in range(5):  # out-of-focus lights, painted as flat discs
            place, radius = rng.random(2), rng.uniform(0.05, 0.16)
            canvas.fill(ellipse(place, radius, radius), mix(light, dark, rng.uniform(0, 0.7)))


def _back_hair(canvas: Canvas, look: Character, rng: np.random.Generator) -> None:
    dark = shade(look.hair, 0.5)
    if look.back == "tails":
        for side in (-1, 1):
            out = rng.uniform(1.25, 1.6)
            points = [
                (0.85, -0.5),
                (1.25, -0.55),
                (out + 0.2, 0.3),
                (out, 1.3),
                (out - 0.15, 2.0),
                (1.0, 1.2),
                (0.95, 0.2),
            ]
            tail = smooth(np.array(points) * (side, 1), closed=True)
            canvas.fill(tail, look.hair)
            canvas.fill(tail * (0.82, 1) + (side * 0.05, 0.12), dark, within=canvas.mask(tail))
            canvas.outline(tail, 0.05, look.ink)
            canvas.ink(arc((side * 1.15, -0.3), (side * (out + 0.05), 0.5), (side * (out - 0.1), 1.6)), 0.035, look.ink)
    down = {"bob": 0.95, "long": look.length + 0.6, "tails": 0.6, "short": 0.55}[look.back]
    wide = 1.12 if look.back in ("bob", "long") else 0.98
    half = [
        (0, -1.22),
        (0.6, -1.08),
        (1.02, -0.5),
        (wide, 0.2),
        (wide + 0.02, down * 0.7),
        (wide - 0.18, down),
        (0.4, down + 0.03),
        (0.2, down),
    ]
    mass = mirror(half)
    canvas.fill(mass, dark)
    canvas.outline(mass, 0.042, look.ink)
    for x in (-0.85, -0.7, 0.72, 0.9):
        canvas.ink(arc((x * 0.95, 0.2), (x * 1.15, down * 0.6), (x, down * 0.93)), 0.03, look.ink)


def _body(canvas: Canvas, look: Character) -> None:
    neck = [(-0.27, 0.7), (0.27, 0.7), (0.28, 1.35), (0.5, 1.5), (0.3, 2.05), (-0.3, 2.05), (-0.5, 1.5), (-0.28, 1.35)]
    dark = skin_shadow(look)
    canvas.fill(neck, look.skin)
    canvas.fill([(-0.27, 0.7), (0.27, 0.7), (0.28, 1.3), (0.04, 1.5), (-0.28, 1.22)], dark)
    for side in (-1, 1):
        canvas.ink([(side * 0.27, 0.95), (side * 0.28, 1.33), (side * 0.4, 1.45)], 0.04, look.ink)
    right = np.vstack([[(0.0, 1.95)], smooth([(0.32, 1.4), (0.75, 1.5), (1.25, 1.66), (1.55, 2.1), (1.65, 3.2)])])
    torso = np.vstack([right, right[::-1] * (-1, 1)])
    canvas.fill(torso, look.cloth)
    area = canvas.mask(torso)
    canvas.fill(smooth([(0.75, 1.5), (1.0, 2.0), (0.8, 3.2), (2, 3.2), (2, 1.4)], closed=True), shade(look.cloth), area)
    canvas.fill([(-1.0, 2.3), (-0.9, 3.2), (-1.12, 3.2)], shade(look.cloth), area)
    canvas.outline(torso, 0.045, look.ink)
    for side in (-1, 1):
        canvas.ink(arc((side * 1.1, 2.1), (side * 1.05, 2.6), (side * 1.12, 3.2)), 0.04, look.ink)
    _garment(canvas, look)


def _garment(canvas: Canvas, look: Character) -> None:
    accent, ink = look.accent, look.ink
    for side in (-1, 1):
        if look.wear == "sailor":
            collar = np.array([(0.3, 1.4), (0.72, 1.48), (0.98, 1.9), (0.06, 2.35)]) * (side, 1)
            canvas.fill(collar, shade(look.cloth, 0.6))
            canvas.ink(np.array([(0.84, 1.62), (0.88, 1.86), (0.1, 2.22)]) * (side, 1), 0.04, _WHITE, taper=False)
            canvas.outline(collar, 0.04, ink)
            bow = np.array([(0, 2.28), (0.42, 2.1), (0.46, 2.55)]) * (side, 1)
            canvas.fill(bow, accent)
            canvas.outline(bow, 0.04, ink)
        elif look.wear == "shirt":
            collar = np.array([(0.3, 1.34), (0.5, 1.5), (0.42, 1.95), (0.0, 1.9)]) * (side, 1)
            canvas.fill(collar, _WHITE if side < 0 else (222, 222, 236))
            canvas.outline(collar, 0.04, ink)
        elif look.wear == "hood":
            roll = smooth(
                np.array([(0.25, 1.36), (0.8, 1.3), (0.95, 1.62), (0.3, 2.0), (0.0, 1.98)]) * (side, 1), closed=True
            )
            canvas.fill(roll, look.cloth)
            canvas.fill(moved(roll, 0.02, 0.16), shade(look.cloth), within=canvas.mask(roll))
            canvas.outline(roll, 0.045, ink)
            canvas.ink([(side * 0.2, 1.95), (side * 0.24, 2.6)], 0.05, accent, taper=False)
    if look.wear == "shirt":
        tie = [(-0.1, 1.88), (0.1, 1.88), (0.2, 3.2), (-0.2, 3.2)]
        canvas.fill(tie, accent)
        canvas.outline(tie, 0.04, ink)
    elif look.wear == "plain":
        canvas.ink(arc((-0.32, 1.42), (0, 2.45), (0.32, 1.42)), 0.1, accent, taper=False)


def _fringe(look: Character, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns the hair that frames the face: (curve over the skull, lower edge of the bangs), both left to right."""
    half = [(0, -1.27), (0.55, -1.15), (0.93, -0.68), (1.0, -0.05)]
    crown = mirror(half)
    edges = np.linspace(-0.8, 0.8, look.fringe + 1)
    edges[1:-1] += rng.uniform(-0.07, 0.07, look.fringe - 1)
    lock = rng.uniform(0.45, 1.1)  # how far the side locks hang down
    sweep = rng.uniform(-0.12, 0.12)
    lower = [arc((1.0, -0.05), (1.05, lock * 0.5), (0.84, lock)), arc((0.84, lock), (0.78, 0.2), (edges[-1], -0.3))]
    for right_end, left_end in zip(edges[:0:-1], edges[-2::-1]):
        tip = ((right_end + left_end) / 2 + sweep, rng.uniform(-0.12, 0.1))
        top = -0.42 + 0.14 * abs(left_end) + rng.uniform(-0.1, 0.06)
        lower.append(arc((right_end, -0.32), (right_end - 0.02, tip[1] - 0.12), tip))
        lower.append(arc(tip, (left_end + 0.06, tip[1] - 0.16), (left_end, min(top, -0.3))))
    lower += [arc((-0.8, -0.3), (-0.78, 0.2), (-0.86, lock)), arc((-0.86, lock), (-1.05, lock * 0.5), (-1.0, -0.05))]
    return crown, np.vstack(lower)


def _front_hair(
    canvas: Canvas, look: Character, crown: np.ndarray, bangs: np.ndarray, rng: np.random.Generator
) -> None:
    mass = np.vstack([crown, bangs])
    canvas.fill(mass, look.hair)
    area = canvas.mask(mass)
    dark = shade(look.hair, 0.42)
    canvas.fill(
        smooth([(0.7, -1.3), (0.62, -0.7), (0.74, -0.2), (0.7, 1.3), (1.4, 1.3), (1.4, -1.3)], closed=True),
        dark,
        within=area,
    )
    light = mix(look.hair, (255, 250, 240), 0.5)
    xs = np.linspace(-0.72, 0.6, 15)
    upper = np.stack([xs, -0.92 + 0.3 * xs**2], 1)
    lower = np.stack([xs, -0.78 + 0.3 * xs**2 + np.where(np.arange(15) % 2, 0.1, -0.02) * rng.uniform(0.6, 1.2, 15)], 1)
    canvas.fill(np.vstack([upper, lower[::-1]]), light, within=area)
    parting = rng.uniform(-0.25, 0.25)
    for x in np.linspace(-0.62, 0.62, look.fringe + 1) + rng.uniform(-0.05, 0.05, look.fringe + 1):
        canvas.ink(arc((parting + x * 0.3, -1.14 + 0.1 * abs(x)), (x, -0.9), (x * 1.1, -0.34)), 0.026, look.ink)
    canvas.outline(mass, 0.042, look.ink)


def _hairpin(canvas: Canvas, look: Character) -> None:
    pin = np.array([(-0.82, -0.42), (-0.5, -0.62), (-0.46, -0.53), (-0.78, -0.33)])
    canvas.fill(pin, look.accent)
    canvas.outline(pin, 0.035, look.ink)
