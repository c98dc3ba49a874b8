"""The reports of an evaluation and of an ablation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from animegan3_tf.common.files import StrPath, write_texts
from animegan3_tf.common.images import grid
from animegan3_tf.evaluation.ablation import BIASED, Ablation, MeasuredCheckpoint
from animegan3_tf.evaluation.evaluate import Evaluation, rejected
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result, Score
from animegan3_tf.inspection.survey import shown
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.html import Figure, cases, evenly, figure, render, tile
from animegan3_tf.reports.table import INTERVAL, Cell, Column, Table, arrowed, cell, csv_table, table_files

CASES = 6  # best images and worst images
FILES = ("report.html", "report.json", "results.csv", "pictures.csv", "results.tex")


def write_evaluation(evaluation: Evaluation, folder: StrPath) -> None:
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


PHOTOS, STEPS_SHOWN = 6, 12  # of a film strip: photos down, steps across
ABLATION_FILES = ("report.html", "report.json", "results.csv", "results.tex")
COLUMNS = ("run", "step", "metric", "value", "low", "high", "count", "note")
_BETTER = {"lower": "lower is better", "higher": "higher is better", "": "neither way is better"}
_CONSTANT = ("photo_flatness", "between_persons")  # these depend on the photos alone and need no curves


def write_ablation(ablation: Ablation, folder: StrPath) -> None:
    """Writes ABLATION_FILES into a folder, made if missing; each file is written whole or not at all.

    Args:
        ablation: The ablation. Its image files must still be there, for the page shows some.
        folder: The folder.

    Raises:
        UserError: A file cannot be written.
    """
    texts = {
        "report.html": _ablation_page(ablation),
        "report.json": json.dumps(ablation.to_dict(), indent=1, allow_nan=False) + "\n",
        "results.csv": csv_table(_every_result(ablation)),
        **table_files("results", [last_table(ablation)], ["latex"]),
    }
    write_texts(folder, texts)


def last_table(ablation: Ablation) -> Table:
    """Tabulates the last checkpoint of each run, which was not chosen by its numbers on these photos."""
    last = [ablation.of(label)[-1] for label in ablation.runs if ablation.of(label)]
    notes = [f"the last checkpoint of each run; {INTERVAL}s", features_note(last[0].evaluation.measures)]
    return _results(ablation, last, [f"{one.label}, step {one.step:,}" for one in last], notes)


def _results(
    ablation: Ablation, measured: Sequence[MeasuredCheckpoint], heads: Sequence[str], notes: Sequence[str] = ()
) -> Table:
    """Tabulates every metric of some checkpoints, which are the columns."""
    rows = [
        [cell(arrowed(metric.name, metric.better)), *(result_cell(one.result(key)) for one in measured)]
        for key, metric in ablation.metrics.items()
    ]
    return Table.of(["metric", *(Column(head, head) for head in heads)], rows, notes)


def _every_result(ablation: Ablation) -> Table:
    """Tabulates every result of every checkpoint under COLUMNS."""
    return Table.of(
        COLUMNS,
        (
            (one.label, one.step, found.key, found.value, *(found.interval or (None, None)), found.count, found.note)
            for one in ablation.measured
            for found in one.evaluation.results
        ),
    )


def _ablation_page(ablation: Ablation) -> str:
    first = ablation.measured[0].evaluation
    photos = evenly(sorted({photo for one in ablation.measured for photo in one.evaluation.pairs.values()}), PHOTOS)
    runs = [(label, ablation.of(label)) for label in ablation.runs if ablation.of(label)]
    return render(
        "ablation",
        lines=[
            " | ".join(f"{label}: {path}" for label, path in ablation.runs.items()),
            f"photos: {first.folders['photos']} | anime: {first.folders['anime']}",
        ],
        biased=BIASED,
        best=_best(ablation),
        curves=_curves(ablation),
        photos=[shown(photo, first.folders["photos"]) for photo in photos],
        steps_shown=STEPS_SHOWN,
        films={label: _film(label, measured, photos) for label, measured in runs},
        runs=[
            (label, _results(ablation, measured, [f"step {one.step:,}" for one in measured]), _notes(measured))
            for label, measured in runs
        ],
        networks=Table.of(("network", "value"), network_rows(first.measures.to_dict())),
        problems=ablation.problems,
    )


def _best(ablation: Ablation) -> Table:
    best = {metric.name: (key, ablation.best(key)) for key, metric in ablation.metrics.items()}
    rows = [
        (arrowed(name, ablation.metrics[key].better), one.label, one.step, result_cell(one.result(key)))
        for name, (key, one) in best.items()
        if one is not None
    ]
    return Table.of(("metric", "run", "step", Column("value", f"value, {INTERVAL}")), rows)


def _curves(ablation: Ablation) -> dict[str, str]:
    """Draws {a metric's name: its chart}, "" for a metric without a number at any step."""
    charts = {}
    for key, metric in ablation.metrics.items():
        if key in _CONSTANT:
            continue
        series, intervals = {}, {}
        for label in ablation.runs:
            results = [(one.step, one.result(key)) for one in ablation.of(label)]
            series[label] = [(step, result.value if result else None) for step, result in results]
            intervals[label] = [(step, result.interval if result else None) for step, result in results]
        photos = ablation.measured[-1].result("photo_flatness") if key == "flatness" else None
        levels = {"photos": photos.value} if photos else None
        unit = _BETTER[metric.better]
        charts[metric.name] = line_chart(metric.name, unit, series, references=levels, intervals=intervals)
    return charts


def _film(label: str, measured: Sequence[MeasuredCheckpoint], photos: Sequence[Path]) -> list[Figure]:
    """Draws a column of photos, then a column of images for each step, grey where one is missing."""
    drawn = [("photos", "photos", {photo: photo for photo in photos})]
    for one in evenly(measured, STEPS_SHOWN):
        made = {photo: image for image, photo in one.evaluation.pairs.items()}
        drawn.append((f"pictures of {label} at step {one.step}", f"step {one.step:,}", made))
    pixels = measured[0].evaluation.measures.max_pixels
    return [
        figure(grid([[tile(found.get(photo, Path()), pixels)] for photo in photos]), alt, caption)
        for alt, caption, found in drawn
    ]


def _notes(measured: Sequence[MeasuredCheckpoint]) -> dict[str, list[str]]:
    """Finds {note: its metrics}, each with its steps where it does not hold for all."""
    steps: dict[tuple[str, str], list[int]] = {}
    for one in measured:
        for result in one.evaluation.results:
            if result.note:
                steps.setdefault((result.name, result.note), []).append(one.step)
    names: dict[str, list[str]] = {}
    for (name, note), found in steps.items():
        at = "" if len(found) == len(measured) else f" (step {', '.join(f'{step:,}' for step in found)})"
        names.setdefault(note, []).append(name + at)
    return names
