"""An evaluation on disk: for programs, for a spreadsheet, for a paper and for the eye."""

from __future__ import annotations

import csv
import io
import json
import math
import os

from animegan3_tf import __version__
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.latex import latex_table
from animegan3_tf.evaluation.page import page_of
from animegan3_tf.inspection.survey import shown
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "results.csv", "pictures.csv", "results.tex")


def write_report(evaluation: Evaluation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, each whole or not at all."""
    texts = {
        "report.html": page_of(evaluation),
        "report.json": json.dumps(to_dict(evaluation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv([result.to_dict() for result in evaluation.results]),
        "pictures.csv": _csv(_pictures(evaluation)),
        "results.tex": latex_table(evaluation),
    }
    write_texts(folder, texts)


def to_dict(evaluation: Evaluation) -> dict:
    """Everything of an evaluation, as JSON takes it."""
    measures = evaluation.measures
    return {
        "animegan3_tf": __version__,
        "features": measures.features.to_dict(),
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
        "pictures": _pictures(evaluation),
    }


def _pictures(evaluation):
    """A row for each generated picture with a photo; None where there is no number."""
    rows = []
    for number, (picture, photo) in enumerate(evaluation.pairs.items()):
        row = {
            "generated": shown(picture, evaluation.folders["generated"]),
            "photo": shown(photo, evaluation.folders["photos"]),
        }
        for kind in evaluation.kinds:
            value = float(evaluation.scores[kind.key][number])
            row[kind.key] = value if math.isfinite(value) else None
        rows.append(row)
    return rows


def _csv(rows):
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
