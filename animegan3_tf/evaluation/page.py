"""The page of an evaluation: numbers, best and worst pictures, every picture's scores; one file, no network."""

from __future__ import annotations

import numpy as np

from animegan3_tf.evaluation.cases import cases_html
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.latex import number
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.inspection.survey import shown
from animegan3_tf.pages.frame import sections_page
from animegan3_tf.pages.table import table, text

CASES = 6  # pictures at each end
_LISTED = 500  # rows of the pictures' table; pictures.csv has them all
_ARROWS = {"lower": "lower is better", "higher": "higher is better", "": ""}


def page_of(evaluation: Evaluation) -> str:
    """The HTML; reads the pictures that it shows again."""
    sections = {
        "results": _results(evaluation),
        "networks": table(("", ""), network_rows(evaluation.measures)),
        "cases": _cases(evaluation),
        "pictures": _pictures(evaluation),
        "rejected": _rejected(evaluation),
    }
    folders = " | ".join(f"{kind}: {folder}" for kind, folder in evaluation.folders.items())
    return sections_page("Evaluation", [folders], sections)


def _results(evaluation):
    rows = []
    for result in evaluation.results:
        value = "-" if result.value is None else number(result.value)
        interval = "" if result.interval is None else "{} to {}".format(*map(number, result.interval))
        told = "; ".join(filter(None, (_ARROWS[result.better], result.note)))
        rows.append((result.name, value, interval, result.count, told))
    note = "Intervals are 95 % and tell how far another draw of pictures would move the number."
    return f"<p class='note'>{note}</p>" + table(("", "value", "interval", "measured on", ""), rows, unbroken=3)


def network_rows(measures: Measures) -> list[tuple[str, str]]:
    """What the networks of an evaluation say of themselves, (what, value)."""
    rows = []
    for what, one in (
        ("features", measures.features),
        ("distance to the photo", measures.distance),
        ("anime-likeness", measures.likeness),
        ("identity", measures.embedding),
    ):
        rows += [
            (f"{what}: {key.replace('_', ' ')}", str(value)) for key, value in (one.to_dict() if one else {}).items()
        ]
    return rows


def _cases(evaluation):
    cases = cases_html(
        evaluation.pairs,
        evaluation.folders["generated"],
        evaluation.kinds,
        evaluation.scores,
        CASES,
        evaluation.measures.max_pixels,
    )
    return cases or "<p>None: no generated picture has a photo of its name.</p>"


def _pictures(evaluation):
    kinds = evaluation.kinds
    rows = []
    for i, generated in enumerate(list(evaluation.pairs)[:_LISTED]):
        values = (float(evaluation.scores[kind.key][i]) for kind in kinds)
        cells = (number(value) if np.isfinite(value) else "-" for value in values)
        rows.append((shown(generated, evaluation.folders["generated"]), *cells))
    more = len(evaluation.pairs) - _LISTED
    note = f"<p>and {more:,} more in pictures.csv</p>" if more > 0 else ""
    return table(("", *(kind.key.replace("_", " ") for kind in kinds)), rows, unbroken=len(kinds)) + note


def _rejected(evaluation):
    reasons = list(rejected(evaluation))
    lines = "".join(f"<li>{text(reason)}</li>" for reason in reasons[:_LISTED])
    more = f"<p>and {len(reasons) - _LISTED:,} more</p>" if len(reasons) > _LISTED else ""
    return (f"<ul>{lines}</ul>" if lines else "<p>None.</p>") + more
