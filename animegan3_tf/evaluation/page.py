"""The HTML page of an evaluation: numbers, best and worst images, scores of every image. It fetches nothing."""

from __future__ import annotations

import numpy as np

from animegan3_tf.evaluation.cases import cases_html
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.latex import number
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.inspection.survey import shown
from animegan3_tf.pages.frame import sections_page
from animegan3_tf.pages.table import table, text

CASES = 6  # best images and worst images
_LISTED = 500  # rows of the table of images; pictures.csv has them all
_ARROWS = {"lower": "lower is better", "higher": "higher is better", "": ""}


def page_of(evaluation: Evaluation) -> str:
    """Writes the page; the image files must still be there, for they are read again."""
    sections = {
        "results": _results(evaluation),
        "networks": table(("", ""), network_rows(evaluation.measures)),
        "cases": _cases(evaluation),
        "pictures": _images(evaluation),
        "rejected": _rejected(evaluation),
    }
    folders = " | ".join(f"{kind}: {folder}" for kind, folder in evaluation.folders.items())
    return sections_page("Evaluation", [folders], sections)


def _results(evaluation: Evaluation) -> str:
    rows = []
    for result in evaluation.results:
        value = "-" if result.value is None else number(result.value)
        interval = "" if result.interval is None else "{} to {}".format(*map(number, result.interval))
        remark = "; ".join(filter(None, (_ARROWS[result.better], result.note)))
        rows.append((result.name, value, interval, result.count, remark))
    note = "Intervals are 95 %: they show how far the number would move with another sample of pictures."
    return f"<p class='note'>{note}</p>" + table(("", "value", "interval", "measured on", ""), rows, unbroken=3)


def network_rows(measures: Measures) -> list[tuple[str, str]]:
    """Rows of (name, value) that describe the networks of an evaluation."""
    descriptions = {
        "features": measures.features and measures.features.to_dict(),
        "distance to the photo": measures.distance and measures.distance.to_dict(),
        "anime-likeness": measures.likeness and measures.likeness.to_dict(),
        "identity": measures.embedding and measures.embedding.to_dict(),
    }
    return [
        (f"{what}: {key.replace('_', ' ')}", str(value))
        for what, description in descriptions.items()
        for key, value in (description or {}).items()
    ]


def _cases(evaluation: Evaluation) -> str:
    cases = cases_html(
        evaluation.pairs,
        evaluation.folders["generated"],
        evaluation.kinds,
        evaluation.scores,
        CASES,
        evaluation.measures.max_pixels,
    )
    return cases or "<p>None: no generated picture has a photo of its name.</p>"


def _images(evaluation: Evaluation) -> str:
    kinds = evaluation.kinds
    rows = []
    for i, generated in enumerate(list(evaluation.pairs)[:_LISTED]):
        values = (float(evaluation.scores[kind.key][i]) for kind in kinds)
        cells = (number(value) if np.isfinite(value) else "-" for value in values)
        rows.append((shown(generated, evaluation.folders["generated"]), *cells))
    more = len(evaluation.pairs) - _LISTED
    note = f"<p>and {more:,} more in pictures.csv</p>" if more > 0 else ""
    return table(("", *(kind.key.replace("_", " ") for kind in kinds)), rows, unbroken=len(kinds)) + note


def _rejected(evaluation: Evaluation) -> str:
    reasons = list(rejected(evaluation))
    lines = "".join(f"<li>{text(reason)}</li>" for reason in reasons[:_LISTED])
    more = f"<p>and {len(reasons) - _LISTED:,} more</p>" if len(reasons) > _LISTED else ""
    return (f"<ul>{lines}</ul>" if lines else "<p>None.</p>") + more
