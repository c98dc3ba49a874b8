"""The best and the worst pictures by each of their scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan3_tf.evaluation.latex import number
from animegan3_tf.evaluation.score import Score
from animegan3_tf.images import DEFAULT_MAX_PIXELS, grid
from animegan3_tf.inspection.contact_sheet import tile
from animegan3_tf.inspection.survey import shown
from animegan3_tf.pages.frame import picture
from animegan3_tf.pages.table import text


def best_and_worst(kind: Score, values: np.ndarray, count: int) -> dict[str, np.ndarray]:
    """{"best", "worst": numbers of at most `count` pictures each, the extreme ones first}, of a score's values [N].

    Empty where neither direction is better, or no picture has the score.
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
    """Photo and picture side by side, for each score; reads them again. "" where there is none.

    pairs: {picture: its photo}. folder: that names are told below. scores: {key: [N]} in the order of the pairs.
    """
    both, parts = list(pairs.items()), []
    for kind in kinds:
        for what, numbers in best_and_worst(kind, scores[kind.key], count).items():
            parts.append(f"<h3>{text(kind.name)}: {what}</h3><div class='strips'>")
            for i in numbers:
                tiles = [tile(path, max_pixels) for path in reversed(both[i])]
                name = shown(both[i][0], folder)
                parts.append(picture(grid([tiles]), f"photo and {name}", f"{name}: {number(scores[kind.key][i])}"))
            parts.append("</div>")
    return "".join(parts)
