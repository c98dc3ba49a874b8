"""Strips of images for pages: examples, and the best and worst cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, find_images, grid, resize, thumbnail
from animegan3_tf.data.colors import balanced
from animegan3_tf.data.targets import Stage, target_name
from animegan3_tf.evaluation.result import Score
from animegan3_tf.inspection.survey import Survey, shown
from animegan3_tf.reports.html import figure, text
from animegan3_tf.reports.tables import number

TILE = 176  # pixels a side
_GROUND = 128  # grey level around an image that is not square, and in place of a missing target


def examples(survey: Survey, count: int) -> list[str]:
    """Names of `count` readable images, evenly spread over the folder's list; all of them where there are fewer."""
    names = survey.names
    if len(names) <= count:
        return list(names)
    return [names[i * (len(names) - 1) // (count - 1)] for i in range(count)]


def paths_of(survey: Survey, names: list[str]) -> dict[str, Path]:
    """Finds the files behind names that `shown` wrote; files that are gone since are left out."""
    found = {shown(path, survey.folder): path for path in find_images(survey.folder, on_error=lambda *_: None)}
    return {name: found[name] for name in names if name in found}


def strip(path: Path, stages: list[Stage], max_pixels: int = DEFAULT_MAX_PIXELS) -> np.ndarray:
    """Draws an image and its targets as a row of square tiles.

    Args:
        path: The image, in the stages' source folder.
        stages: The targets to show, one tile each. A missing target is a grey tile. Where a stage balances colours,
            the balanced image stands between the image and the targets.
        max_pixels: Larger images are shown as a grey tile.

    Returns:
        uint8 [TILE, W, 3].
    """
    tiles = [tile(path, max_pixels)]
    balance = next((stage.parameters["balance"] for stage in stages if stage.parameters.get("balance")), None)
    if balance is not None:
        tiles.append(tile(path, max_pixels, balance))
    tiles += [tile(stage.target / target_name(path.relative_to(stage.source).as_posix())) for stage in stages]
    return grid([tiles])


def tile(path: Path, max_pixels: int = DEFAULT_MAX_PIXELS, balance: dict | None = None) -> np.ndarray:
    """Draws a whole image in a grey square.

    Args:
        path: The image.
        max_pixels: The limit for reading it.
        balance: A colour balance to apply; see `balance.balanced`.

    Returns:
        uint8 [TILE, TILE, 3]; only the square where the image cannot be read.
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


def best_and_worst(kind: Score, values: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """Finds the best and the worst images by a score.

    Args:
        kind: The score.
        values: Its values [N]; NaN where an image has none.
        count: Images to find at each end, at most.

    Returns:
        {"best": indices, "worst": indices}, the extreme ones first. Empty where neither direction is better, or no
        image has the score.
    """
    known = np.flatnonzero(np.isfinite(values))
    if not kind.better or not len(known):
        return {}
    order = known[np.argsort(values[known], kind="stable")]
    order = order if kind.better == "lower" else order[::-1]
    return {"best": order[:count], "worst": order[: -count - 1 : -1]}


def cases_html(
    pairs: dict[Path, Path],
    folder: Path,
    kinds: tuple[Score, ...],
    scores: dict[str, np.ndarray],
    count: int,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> str:
    """Shows the best and the worst images beside their photos, for each score.

    Args:
        pairs: {image: its photo}. The files are read again.
        folder: The folder of images; captions give paths relative to it.
        kinds: The scores.
        scores: {key of a score: [N]} in the order of the pairs.
        count: Images at each end.
        max_pixels: The limit for images that are read.

    Returns:
        HTML, or "" where no image has a score with a better direction.
    """
    both, parts = list(pairs.items()), []
    for kind in kinds:
        for what, numbers in best_and_worst(kind, scores[kind.key], count).items():
            parts.append(f"<h3>{text(kind.name)}: {what}</h3><div class='strips'>")
            for i in numbers:
                tiles = [tile(path, max_pixels) for path in reversed(both[i])]
                name = shown(both[i][0], folder)
                parts.append(figure(grid([tiles]), f"photo and {name}", f"{name}: {number(scores[kind.key][i])}"))
            parts.append("</div>")
    return "".join(parts)
