"""The report of an ablation: page, JSON, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from animegan3_tf.common.files import write_texts
from animegan3_tf.common.images import grid
from animegan3_tf.evaluation.ablation import Ablation, MeasuredCheckpoint
from animegan3_tf.evaluation.result import Result
from animegan3_tf.inspection.survey import shown
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.contact_sheet import tile
from animegan3_tf.reports.evaluation import evaluation_to_dict, network_rows
from animegan3_tf.reports.html import figure, sections_page, text
from animegan3_tf.reports.tables import latex_text, number

PHOTOS, STEPS_SHOWN = 6, 12  # of a film strip: photos down, steps across
BIASED = (
    "A checkpoint that was chosen by its numbers on these photos looks better on them than it is. Report its numbers "
    "on other photos, or report the last checkpoint."
)
_BETTER = {"lower": "lower is better", "higher": "higher is better", "": "neither way is better"}
_CONSTANT = ("photo_flatness", "between_persons")  # these depend on the photos alone and need no curves

T = TypeVar("T")


def ablation_page(ablation: Ablation) -> str:
    """Writes the page; the image files must still be there, for they are read again."""
    sections = {
        "best": _best(ablation),
        "curves": _curves(ablation),
        "pictures": _films(ablation),
        "numbers": _numbers(ablation),
        "networks": _networks(ablation),
        "problems": _problems(ablation),
    }
    runs = " | ".join(f"{label}: {path}" for label, path in ablation.runs.items())
    folders = ablation.measured[0].evaluation.folders
    measured_on = f"photos: {folders['photos']} | anime: {folders['anime']}"
    return sections_page("Evaluation over training", [runs, measured_on], sections)


def _best(ablation: Ablation) -> str:
    rows = []
    for key, metric in ablation.metrics.items():
        one = ablation.best(key)
        if one is not None:
            cells = _cell(one.label), _cell(f"{one.step:,}"), _measured(one.result(key)), _cell(_BETTER[metric.better])
            rows.append((metric.name, *cells))
    note = (
        f"<p class='note'>{BIASED} Where the intervals of two steps overlap, the numbers do not show which is "
        "better.</p>"
    )
    return note + (_table(("", "run", "step", "value and interval", ""), rows) if rows else "<p>None.</p>")


def _curves(ablation: Ablation) -> str:
    charts, missing = [], []
    for key, metric in ablation.metrics.items():
        if key in _CONSTANT:
            continue
        series, intervals = {}, {}
        for label in ablation.runs:
            results = [(one.step, one.result(key)) for one in ablation.of(label)]
            series[label] = [(step, result.value if result else None) for step, result in results]
            intervals[label] = [(step, result.interval if result else None) for step, result in results]
        references = _photo_flatness(ablation) if key == "flatness" else None
        chart = line_chart(metric.name, _BETTER[metric.better], series, references=references, intervals=intervals)
        charts.append(chart)
        if not chart:
            missing.append(metric.name)
    note = (
        "Bands and whiskers are 95 % intervals: they show how far the number would move with another sample of "
        "pictures."
    )
    absent = (
        f"Metrics without a number at any step, for the reasons below the numbers: {'; '.join(missing)}."
        if missing
        else ""
    )
    return f"<p class='note'>{note}</p><div class='charts'>{''.join(charts)}</div><p class='note'>{text(absent)}</p>"


def _photo_flatness(ablation: Ablation) -> dict[str, float] | None:
    result = ablation.measured[-1].result("photo_flatness")
    return {"photos": result.value} if result and result.value is not None else None


def _films(ablation: Ablation) -> str:
    """For each run a film strip: a column of photos, then a column of images for each step."""
    folders = ablation.measured[0].evaluation.folders
    pixels = ablation.measured[0].evaluation.measures.max_pixels
    photos = _spread(sorted({photo for one in ablation.measured for photo in one.evaluation.pairs.values()}), PHOTOS)
    if not photos:
        return "<p>None.</p>"
    names = ", ".join(shown(photo, folders["photos"]) for photo in photos)
    parts = [f"<p class='note'>Rows: {text(names)}. At most {STEPS_SHOWN} steps a run, spread over it.</p>"]
    for label in ablation.runs:
        columns = [figure(_column(photos, pixels), "photos", "photos")]
        for one in _spread(ablation.of(label), STEPS_SHOWN):
            drawn = {photo: made for made, photo in one.evaluation.pairs.items()}
            tiles = _column([drawn.get(photo, Path()) for photo in photos], pixels)
            columns.append(figure(tiles, f"pictures of {label} at step {one.step}", f"step {one.step:,}"))
        if len(columns) > 1:
            parts.append(f"<h3>{text(label)}</h3><div class='film'>{''.join(columns)}</div>")
    return "".join(parts)


def _column(paths: Iterable[Path], max_pixels: int) -> np.ndarray:
    """Tiles of images from top to bottom, grey for a missing image; uint8 [H, W, 3]."""
    return grid([[tile(path, max_pixels)] for path in paths])


def _spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` items, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def _numbers(ablation: Ablation) -> str:
    parts = []
    for label in ablation.runs:
        measured = ablation.of(label)
        rows = []
        for key, metric in ablation.metrics.items():
            results = [one.result(key) for one in measured]
            if any(result and result.value is not None for result in results):
                rows.append((metric.name, *map(_measured, results)))
        if measured:
            table = _table(("", *(f"step {one.step:,}" for one in measured)), rows)
            parts.append(f"<h3>{text(label)}</h3>{table}{_notes(measured)}")
    return "".join(parts)


def _notes(measured: Sequence[MeasuredCheckpoint]) -> str:
    """Lists each note once, with its metrics, and with its steps where it does not hold for all."""
    steps: dict[tuple[str, str], list[int]] = {}
    names: dict[str, list[str]] = {}
    for one in measured:
        for result in one.evaluation.results:
            if result.note:
                steps.setdefault((result.name, result.note), []).append(one.step)
    for (name, note), found in steps.items():
        at = "" if len(found) == len(measured) else f" (step {', '.join(f'{step:,}' for step in found)})"
        names.setdefault(note, []).append(name + at)
    lines = "".join(
        f"<li>{text(note)}<br><small>{text('; '.join(metrics))}</small></li>" for note, metrics in names.items()
    )
    return f"<ul class='note'>{lines}</ul>" if lines else ""


def _networks(ablation: Ablation) -> str:
    rows = network_rows(ablation.measured[0].evaluation.measures)
    return _table(("", ""), [(what, _cell(value)) for what, value in rows])


def _problems(ablation: Ablation) -> str:
    lines = "".join(f"<li>{text(problem)}</li>" for problem in ablation.problems)
    return f"<ul>{lines}</ul>" if lines else "<p>None.</p>"


def _measured(result: Result | None) -> str:
    """A cell with the number and its interval; its tooltip says how many images it was measured on."""
    if result is None or result.value is None:
        return _cell("-")
    interval = "" if result.interval is None else "<br><small>{} to {}</small>".format(*map(number, result.interval))
    return f'<td title="{text(result.count)}">{number(result.value)}{interval}</td>'


def _cell(words: str) -> str:
    return f"<td>{text(words)}</td>"


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of rows (name as plain text, then its cells as HTML)."""
    head = "".join(f"<th scope='col'>{text(words)}</th>" for words in heads)
    body = "".join(f"<tr><th scope='row'>{text(name)}</th>{''.join(cells)}</tr>" for name, *cells in rows)
    return f"<div class='wide steps'><table class='facts'><tr>{head}</tr>{body}</table></div>"


FILES = ("report.html", "report.json", "results.csv", "results.tex")
COLUMNS = ("run", "step", "metric", "value", "low", "high", "count", "note")
_ARROWS = {"lower": r" $\downarrow$", "higher": r" $\uparrow$", "": ""}
_OWN = ("sets", "rejected", "results")  # keys of an evaluation's JSON whose values differ between checkpoints
_DROPPED = "pictures"  # key of single images' scores; evaluating a checkpoint's folder on its own gives them


def write_ablation(ablation: Ablation, folder: str | os.PathLike) -> None:
    """Writes FILES into a folder, made if missing; each file is written whole or not at all."""
    texts = {
        "report.html": ablation_page(ablation),
        "report.json": json.dumps(ablation_to_dict(ablation), indent=1, allow_nan=False) + "\n",
        "results.csv": _csv(ablation),
        "results.tex": _latex(ablation),
    }
    write_texts(folder, texts)


def ablation_to_dict(ablation: Ablation) -> dict:
    """Everything about an ablation except single images' scores, as plain values for JSON."""
    checkpoints: dict[str, list[dict]] = {label: [] for label in ablation.runs}
    for one in ablation.measured:
        evaluation = evaluation_to_dict(one.evaluation)
        checkpoint = {"step": one.step, "source": str(one.source), "generator_sha256": one.sha256}
        checkpoints[one.label].append({**checkpoint, **{key: evaluation[key] for key in _OWN}})
    runs = {label: {"path": str(path), "checkpoints": checkpoints[label]} for label, path in ablation.runs.items()}
    shared = {key: value for key, value in evaluation.items() if key not in (*_OWN, _DROPPED)}
    best = {
        key: one and {"run": one.label, "step": one.step} for key in ablation.metrics for one in [ablation.best(key)]
    }
    return {**shared, "runs": runs, "best": best, "best_is_biased": BIASED, "problems": list(ablation.problems)}


def _csv(ablation: Ablation) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for one in ablation.measured:
        for result in one.evaluation.results:
            low, high = result.interval or (None, None)
            writer.writerow((one.label, one.step, result.key, result.value, low, high, result.count, result.note))
    return text.getvalue()


def _latex(ablation: Ablation) -> str:
    """A `tabular` of the last checkpoint of each run, which was not chosen by its numbers on these photos."""
    last = [ablation.of(label)[-1] for label in ablation.runs if ablation.of(label)]
    rows = []
    for key, metric in ablation.metrics.items():
        cells = " & ".join(_latex_cell(one.result(key)) for one in last)
        rows.append(f"{latex_text(metric.name)}{_ARROWS[metric.better]} & {cells} \\\\")
    heads = " & ".join(f"{latex_text(one.label)}, step {one.step:,}" for one in last)
    network = last[0].evaluation.measures.features
    features = network.to_dict() if network else {}
    return "\n".join(
        [
            "% the last checkpoint of each run; 95 % intervals",
            "% features: " + ", ".join(f"{key} {value}" for key, value in features.items()),
            rf"\begin{{tabular}}{{l{'r' * len(last)}}}",
            rf"metric & {heads} \\ \hline",
            *rows,
            r"\end{tabular}",
            "",
        ]
    )


def _latex_cell(result: Result | None) -> str:
    if result is None or result.value is None:
        return "--"
    return number(result.value) + ("" if result.interval is None else " [{}, {}]".format(*map(number, result.interval)))
