"""Measures what a generator draws for images of one colour: ideally the colour itself and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LEVELS = {"white": 255, "grey": 128, "black": 0}
SIDES = (256, 512)


def flat_response(stylizer: Callable[[np.ndarray], np.ndarray]) -> list[str]:
    """Draws white, grey and black squares and describes each result in a row of a Markdown table.

    Args:
        stylizer: Draws an image, uint8 RGB [H, W, 3] -> the same size.

    Returns:
        Rows `| picture | side | mean colour | levels from darkest to lightest |`.
    """
    rows = []
    for name, level in LEVELS.items():
        for side in SIDES:
            drawn = stylizer(np.full((side, side, 3), level, np.uint8))
            mean = ", ".join(f"{value:.0f}" for value in drawn.mean(axis=(0, 1)))
            rows.append(f"| {name} ({level}) | {side} | {mean} | {drawn.min()} to {drawn.max()} |")
    return rows
