"""The report of an evaluation: page, JSON, CSV and LaTeX."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from animegan3_tf.common.files import write_texts
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result, Score
from animegan3_tf.reports.html import cases, render
from animegan3_tf.reports.table import INTERVAL, Cell, Column, Table, arrowed, cell, csv_table, table_files

CASES = 6  # best images and worst images
FILES = ("report.html", "report.json", "results.csv", "pictures.csv", "results.tex")


def write_evaluation(evaluation: Evaluation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, made if missing; each file is written whole or not at all.

    Args:
        evaluation: The evaluation. Its image files must still be there, for the page shows some.
        folder: The folder.

    Raises:
        UserError: A file cannot be written.
    """
    results = results_table(evaluation)
    texts = {
        "report.html": _page(evaluation, results),
        "report.json": json.dumps(evaluation.to_dict(), indent=1, allow_nan=False) + "\n",
        "results.csv": csv_table(Table.of_records([result.to_dict() for result in evaluation.results])),
        **table_files("results", [results.without("note")], ["latex"]),
        **table_files("pictures", [_images(evaluation)], ["csv"]),
    }
    write_texts(folder, texts)


def results_table(evaluation: Evaluation) -> Table:
    """Tabulates every result: value, interval, number of images, and the note."""
    columns = (Column("metric", "metric"), Column("value", f"value, {INTERVAL}"), "pictures", "note")
    rows = ((arrowed(one.name, one.better), result_cell(one), one.count, one.note) for one in evaluation.results)
    return Table.of(columns, rows, [features_note(evaluation.measures)])


def result_cell(result: Result | None) -> Cell:
    """Makes the cell of a metric's value and interval; its tooltip says how many images it was measured on."""
    return Cell() if result is None else cell(result.value, result.interval, result.count)


def features_note(measures: Measures) -> str:
    """Describes the network of the distances between sets on one line."""
    features = measures.features.to_dict() if measures.features else {}
    return "features: " + ", ".join(f"{key} {value}" for key, value in features.items())


def score_columns(kinds: Iterable[Score]) -> list[Column]:
    """Makes a column for each kind of score of single images."""
    return [Column(kind.key, kind.key.replace("_", " "), kind.name, kind.better) for kind in kinds]


def network_rows(settings: dict) -> list[tuple[str, str]]:
    """Rows of (name, value) that describe the networks and settings of an evaluation; see `Measures.to_dict`."""
    return [
        (f"{what}: {key}".replace("_", " "), str(value))
        for what, description in settings.items()
        for key, value in (description or {}).items()
    ]


def _images(evaluation: Evaluation) -> Table:
    return Table.of(
        ["generated", "photo", *score_columns(evaluation.kinds)], (row.values() for row in evaluation.image_rows())
    )


def _page(evaluation: Evaluation, results: Table) -> str:
    folders, measures = evaluation.folders, evaluation.measures
    return render(
        "evaluation",
        lines=[" | ".join(f"{kind}: {folder}" for kind, folder in folders.items())],
        results=results,
        networks=Table.of(("network", "value"), network_rows(measures.to_dict())),
        shown_cases=cases(
            evaluation.pairs, folders["generated"], evaluation.kinds, evaluation.scores, CASES, measures.max_pixels
        ),
        pictures=_images(evaluation),
        rejected=rejected(evaluation),
    )
