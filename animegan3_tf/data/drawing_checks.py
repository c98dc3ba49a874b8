"""Whether a drawing of a face still shows it: the checks of pairs, and both eyes drawn."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from animegan3_tf.common import images
from animegan3_tf.data.face_align import eye_distance, skin_places, window

SIDE = 384  # pixels of the square in which the numbers below were found
_INK_GREY, _INK_LEAST, _INK_RATIO = 95, 0.06, 2.0
_SKIN_LEAST = 80.0  # Lab lightness: a photo too dark comes out as a dark smear without lines
_PIECE_LEAST, _PIECE_MOST, _PIECE_HEIGHT = 0.06, 0.42, 0.86


def check_drawing(drawing: np.ndarray, landmarks: Sequence[Sequence[float]] | np.ndarray) -> tuple[str | None, float]:
    """Checks a drawing of a face, before its colours are changed (DESIGN: pairs, checks).

    In a window of 0.76 x 0.56 eye distances around each eye, pixels under grey 95 must take at least 0.06 and at most
    twice as much in one as in the other. The largest connected piece of ink (under half of the window's 97th
    percentile) must take 0.06 to 0.42 of the window, be lower than 0.86 of it, and survive two 3x3 erosions: a line
    across an eye does not. The skin must have a lightness of 80 or more.

    Args:
        drawing: uint8 [H, W, 3], a face that fills a square.
        landmarks: (x, y) of the photo's left eye, right eye, nose and corners of the mouth, in pixels of the drawing.

    Returns:
        One line with the reason for which the drawing is rejected, or None; and the margin, the distance from being
        rejected for the nearest reason: negative where it is rejected, 1 at most.
    """
    image, grey, points, distance = _at_side(drawing, landmarks)
    eyes = [window(grey, eye, 0.76 * distance, 0.28 * distance, 0.28 * distance) for eye in points[:2]]
    if min(eye.size for eye in eyes) == 0:
        return "no eyes: they lie outside the square", -1.0
    ink = [float((eye < _INK_GREY).mean()) for eye in eyes]
    pieces = [_largest_piece(eye) for eye in eyes]
    share, other = min(ink), max(ink)
    smallest, largest = min(piece[0] for piece in pieces), max(piece[0] for piece in pieces)
    tallest, solid = max(piece[1] for piece in pieces), all(piece[2] for piece in pieces)
    skin = _skin_lightness(image, points)
    findings = [  # (margin, what is wrong where it is negative), causes before their consequences
        ((skin - _SKIN_LEAST) / 12.0, f"too dark: the drawn skin has lightness {skin:.0f}, under {_SKIN_LEAST:.0f}"),
        ((share - _INK_LEAST) / 0.06, f"eye not drawn: ink covers {share:.2f} of its window, under {_INK_LEAST}"),
        (
            _INK_RATIO - other / max(share, 1e-6),
            f"eyes differ: ink covers {share:.2f} and {other:.2f} of their windows, over {_INK_RATIO:g} times",
        ),
        (
            (smallest - _PIECE_LEAST) / 0.06,
            f"eye broken: its largest piece of ink covers {smallest:.2f} of the window, under {_PIECE_LEAST}",
        ),
        (
            (_PIECE_MOST - largest) / 0.12,
            f"eye covered: a piece of ink takes {largest:.2f} of its window, over {_PIECE_MOST}",
        ),
        (
            (_PIECE_HEIGHT - tallest) / 0.2,
            f"eye crossed: a piece of ink is {tallest:.2f} of the window's height, {_PIECE_HEIGHT} or more",
        ),
        (1.0 if solid else -1.0, "eye closed: nothing of its ink is thicker than a line"),
    ]
    problem = next((text for margin, text in findings if margin < 0), None)
    return problem, round(min(1.0, *(margin for margin, _ in findings)), 4)


def _largest_piece(eye: np.ndarray) -> tuple[float, float, bool]:
    """Finds the largest connected piece of ink: its share of the window, its share of the height, if it is solid."""
    ink = (eye < np.percentile(eye, 97) / 2).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if count < 2:
        return 0.0, 0.0, False
    number = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    piece = (labels == number).astype(np.uint8)
    height = float(stats[number, cv2.CC_STAT_HEIGHT] / eye.shape[0])
    return float(piece.mean()), height, bool(_eroded(piece, times=2).any())


def _at_side(
    image: np.ndarray, landmarks: Sequence[Sequence[float]] | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Scales an image to SIDE: the image, its grey levels, its landmarks [n, 2] and the distance between the eyes."""
    height, width = image.shape[:2]
    scaled = images.resize(image, (SIDE, SIDE))
    points = np.asarray(landmarks, float)[:5] * (SIDE / width, SIDE / height)
    return scaled, cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), points, eye_distance(points)


def _eroded(mask: np.ndarray, times: int) -> np.ndarray:
    """Erodes a mask by 3x3; pixels outside it count as empty, so that they do not save a thin line."""
    square, border = np.ones((3, 3), np.uint8), cv2.BORDER_CONSTANT
    return cv2.erode(mask, square, iterations=times, borderType=border, borderValue=(0,))


def _skin_lightness(image: np.ndarray, points: np.ndarray) -> float:
    """Measures the median lightness of cheeks, nose and forehead, Lab units."""
    light = cv2.cvtColor(image.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)[..., 0]
    side = 0.28 * eye_distance(points)
    patches = [window(light, place, side, side / 2, side / 2) for place in skin_places(points)]
    return float(np.median([np.median(patch) for patch in patches if patch.size] or [0.0]))


_DARK = 0.5  # a dark pixel is below this share of the upper quartile of the grey around the eye
_LEAST, _MOST = 0.10, 0.70  # share of dark pixels in the window of an eye
_BALANCE = 0.45  # least ratio of the smaller share to the larger
_SOLID = 0.03  # least share that is left after one erosion


def both_eyes_drawn(image: np.ndarray, landmarks: Sequence[Sequence[float]]) -> bool:
    """Checks whether both eyes were drawn. It does not check whether they look like anime.

    In a window of 0.48 x 0.38 eye distances around each eye (0.17 above, 0.21 below), the share of pixels darker than
    half the 75th percentile of the grey around (0.76 x 0.73) must lie between 0.10 and 0.70, the smaller share must be
    at least 0.45 of the larger, and at least 0.03 must survive a 3x3 erosion. Of untouched photos about 72 % pass:
    sunglasses, profiles and deep shade do not.

    Args:
        image: uint8 [H, W, 3], a face that fills a square; it is scaled to 384 pixels first.
        landmarks: (x, y) of the photo's left eye (the viewer's left) and right eye, in pixels of the image; further
            points are ignored.

    Returns:
        True where both eyes are there.
    """
    _, grey, points, distance = _at_side(image, landmarks)
    shares, solid = [], []
    for center in points[:2]:
        around = window(grey, center, 0.76 * distance, 0.365 * distance, 0.365 * distance)
        eye = window(grey, center, 0.48 * distance, 0.17 * distance, 0.21 * distance)
        if not eye.size:
            return False
        dark = (eye < _DARK * np.percentile(around, 75)).astype(np.uint8)
        shares.append(dark.mean())
        solid.append(_eroded(dark, times=1).mean())
    balanced = min(shares) >= _BALANCE * max(shares)
    return bool(min(shares) >= _LEAST and max(shares) <= _MOST and balanced and min(solid) >= _SOLID)
