"""The best and the worst images by each score."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan3_tf.evaluation.latex import number
from animegan3_tf.evaluation.score import Score
from animegan3_tf.images import DEFAULT_MAX_PIXELS, grid
from animegan3_tf.inspection.contact_sheet import tile
from animegan3_tf.inspection.survey import shown
from animegan3_tf.pages.frame import figure
from animegan3_tf.pages.table import text


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
