"""Writes an evaluation to disk, as a page, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence

from animegan3_tf import __version__
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.latex import latex_table
from animegan3_tf.evaluation.page import page_of
from animegan3_tf.inspection.survey import shown
from animegan3_tf.report_files import write_texts

FILES = ("report.html", "report.json", "results.csv", "pictures.csv", "results.tex")


def write_report(evaluation: Evaluation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, made if missing; each file is written whole or not at all."""
    texts = {
        "report.html": page_of(evaluation),
        "report.json": json.dumps(to_dict(evaluation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv([result.to_dict() for result in evaluation.results]),
        "pictures.csv": _csv(_image_rows(evaluation)),
        "results.tex": latex_table(evaluation),
    }
    write_texts(folder, texts)


def to_dict(evaluation: Evaluation) -> dict:
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
    for number, (image, photo) in enumerate(evaluation.pairs.items()):
        row: dict[str, str | float | None] = {
            "generated": shown(image, evaluation.folders["generated"]),
            "photo": shown(photo, evaluation.folders["photos"]),
        }
        for kind in evaluation.kinds:
            value = float(evaluation.scores[kind.key][number])
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
