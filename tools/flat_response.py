"""Measures what a generator draws for images of one colour: ideally the colour itself and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from animegan3_tf.data.region_colors import keep_region_colors

HEAD = [
    "Pictures of one colour, and what comes out of the network (level 0 to 255), as it is and with "
    "`stylize --keep-colors region`:",
    "",
    "| picture | side | mean red, green, blue | darkest to lightest level | mean with `--keep-colors region` |",
    "|---|---|---|---|---|",
]
LEVELS = {"white": 255, "grey": 128, "black": 0}
SIDES = (256, 512)


def flat_response(stylizer: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Draws white, grey and black squares and describes each result in a row of a Markdown table.

    Args:
        stylizer: Draws an image, uint8 RGB [H, W, 3] -> the same size.

    Returns:
        Rows of the table that `HEAD` begins.
    """
    rows = []
    for name, level in LEVELS.items():
        for side in SIDES:
            photo = np.full((side, side, 3), level, np.uint8)
            drawn = stylizer(photo)
            mean, kept = (_mean(image) for image in (drawn, keep_region_colors(photo, drawn)))
            rows.append(f"| {name} ({level}) | {side} | {mean} | {drawn.min()} to {drawn.max()} | {kept} |")
    return rows


def _mean(image: np.ndarray) -> str:
    return ", ".join(f"{value:.0f}" for value in image.mean(axis=(0, 1)))
