"""The report of an evaluation: page, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np

from animegan3_tf import __version__
from animegan3_tf.common.files import write_texts
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.inspection.survey import shown
from animegan3_tf.reports.contact_sheet import cases_html
from animegan3_tf.reports.html import sections_page, table, text
from animegan3_tf.reports.tables import evaluation_latex, number

CASES = 6  # best images and worst images
_LISTED = 500  # rows of the table of images; pictures.csv has them all
_ARROWS = {"lower": "lower is better", "higher": "higher is better", "": ""}


def evaluation_page(evaluation: Evaluation) -> str:
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


FILES = ("report.html", "report.json", "results.csv", "pictures.csv", "results.tex")


def write_evaluation(evaluation: Evaluation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, made if missing; each file is written whole or not at all."""
    texts = {
        "report.html": evaluation_page(evaluation),
        "report.json": json.dumps(evaluation_to_dict(evaluation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv([result.to_dict() for result in evaluation.results]),
        "pictures.csv": _csv(_image_rows(evaluation)),
        "results.tex": evaluation_latex(evaluation),
    }
    write_texts(folder, texts)


def evaluation_to_dict(evaluation: Evaluation) -> dict:
    """Everything about an evaluation, as plain values for JSON."""
    measures = evaluation.measures
    return {
        "animegan3_tf": __version__,
        "features": measures.features and measures.features.to_dict(),
        "distance": measures.distance and measures.distance.to_dict(),
        "anime_likeness": measures.likeness and measures.likeness.to_dict(),
        "faces": measures.detector and measures.detector.settings,
        "identity": measures.embedding and measures.embedding.to_dict(),
        "bootstrap": {"replicates": measures.replicates, "seed": measures.seed},
        "sets": {
            kind: {"folder": str(evaluation.folders[kind]), "pictures": len(one.paths), "rejected": len(one.rejected)}
            for kind, one in evaluation.sets.items()
        },
        "rejected": list(rejected(evaluation)),
        "results": [result.to_dict() for result in evaluation.results],
        "pictures": _image_rows(evaluation),
    }


def _image_rows(evaluation: Evaluation) -> list[dict[str, str | float | None]]:
    """A row for each generated image with a photo; None where there is no number."""
    rows = []
    for place, (image, photo) in enumerate(evaluation.pairs.items()):
        row: dict[str, str | float | None] = {
            "generated": shown(image, evaluation.folders["generated"]),
            "photo": shown(photo, evaluation.folders["photos"]),
        }
        for kind in evaluation.kinds:
            value = float(evaluation.scores[kind.key][place])
            row[kind.key] = value if math.isfinite(value) else None
        rows.append(row)
    return rows


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
