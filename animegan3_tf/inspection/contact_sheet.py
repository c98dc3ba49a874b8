"""Pictures of a folder with their targets beside them, small."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan3_tf.data.balance import balanced
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, grid, resize, thumbnail
from animegan3_tf.inspection.survey import Survey, shown

TILE = 176  # pixels a side
_GROUND = 128  # around what is not square, and where a target is missing


def examples(survey: Survey, count: int) -> list[str]:
    """Names of `count` readable pictures spread over the folder's."""
    names = survey.names
    if len(names) <= count:
        return list(names)
    return [names[i * (len(names) - 1) // (count - 1)] for i in range(count)]


def paths_of(survey: Survey, names: list[str]) -> dict[str, Path]:
    """The files of names as `shown` tells them; not those that have gone meanwhile."""
    found = {shown(path, survey.folder): path for path in find_images(survey.folder, on_error=lambda *_: None)}
    return {name: found[name] for name in names if name in found}


def strip(path: Path, stages: list[Stage], max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """The picture and its target of each stage in a row of square tiles, uint8 [TILE, W, 3]; grey without a target.

    A balanced picture stands between them.
    """
    tiles = [tile(path, max_pixels)]
    balance = next((stage.parameters["balance"] for stage in stages if stage.parameters.get("balance")), None)
    if balance is not None:
        tiles.append(tile(path, max_pixels, balance))
    tiles += [tile(stage.target / target_name(path.relative_to(stage.source).as_posix())) for stage in stages]
    return grid([tiles])


def tile(path: Path, max_pixels: int = DEFAULT_MAX_PIXELS, balance: dict | None = None) -> np.ndarray:
    """A picture whole in a grey square, uint8 [TILE, TILE, 3]; the square alone when it cannot be read.

    balance: see `balance.balanced`.
    """
    square = np.full((TILE, TILE, 3), _GROUND, np.uint8)
    try:
        rgb = thumbnail(path, TILE, max_pixels).rgb
    except ImageError:
        return square
    scale = TILE / max(rgb.shape[:2])
    height, width = (min(TILE, max(1, round(side * scale))) for side in rgb.shape[:2])
    top, left = (TILE - height) // 2, (TILE - width) // 2
    square[top : top + height, left : left + width] = balanced(resize(rgb, (height, width)), balance)
    return square
