"""The page of an ablation: curves over training, pictures over training, every number; one file, no network."""

from __future__ import annotations

from html import escape
from pathlib import Path

from animegan3_tf.evaluation.ablation import Ablation
from animegan3_tf.evaluation.latex import number
from animegan3_tf.images import grid
from animegan3_tf.inspection.contact_sheet import tile
from animegan3_tf.inspection.survey import shown
from animegan3_tf.pages.charts import line_chart
from animegan3_tf.pages.frame import page, picture

PHOTOS, COLUMNS = 6, 12  # of a film: photos, and steps beside them
BIASED = (
    "A checkpoint that is chosen by the photos it is then reported on looks better than it is: choose on these photos, "
    "report on others, or report the last one."
)
_TOLD = {"lower": "lower is better", "higher": "higher is better", "": "no way is better"}
_CONSTANT = ("photo_flatness", "between_persons")  # of the photos alone: no curves


def page_of(ablation: Ablation) -> str:
    """The HTML; reads the pictures that it shows again."""
    sections = {
        "best": _best(ablation),
        "curves": _curves(ablation),
        "pictures": _films(ablation),
        "numbers": _numbers(ablation),
        "networks": _networks(ablation),
        "problems": _problems(ablation),
    }
    links = " ".join(f'<a href="#{name}">{name}</a>' for name in sections)
    runs = " | ".join(f"{label}: {path}" for label, path in ablation.runs.items())
    folders = ablation.measured[0].evaluation.folders
    measured_on = f"photos: {folders['photos']} | anime: {folders['anime']}"
    header = (
        f"<header><h1>Evaluation over training</h1><p>{_text(runs)}</p><p>{_text(measured_on)}</p>"
        f"<nav>{links}</nav></header>"
    )
    body = [f'<section id="{name}"><h2>{name.capitalize()}</h2>{text}</section>' for name, text in sections.items()]
    return page("Evaluation over training", header + "".join(body))


def _best(ablation):
    rows = []
    for key, metric in ablation.metrics.items():
        one = ablation.best(key)
        if one is not None:
            cells = one.label, f"{one.step:,}", _value(one.result(key)), _TOLD[metric.better]
            rows.append((metric.name, *map(_cell, cells)))
    note = (
        f"<p class='note'>{BIASED} Where the intervals of two steps overlap, neither is shown to be the better one.</p>"
    )
    return note + (_table(("", "run", "step", "value and interval", ""), rows) if rows else "<p>None.</p>")


def _curves(ablation):
    charts, missing = [], []
    for key, metric in ablation.metrics.items():
        series, intervals = {}, {}
        for label in ablation.runs:
            results = [(one.step, one.result(key)) for one in ablation.of(label)]
            series[label] = [(step, result and result.value) for step, result in results]
            intervals[label] = [(step, result and result.interval) for step, result in results]
        references = _photo_flatness(ablation) if key == "flatness" else None
        if key in _CONSTANT:
            continue
        chart = line_chart(metric.name, _TOLD[metric.better], series, references=references, intervals=intervals)
        charts.append(chart)
        if not chart:
            missing.append(f"<li>{_text(metric.name)}: {_text(metric.note)}</li>")
    note = "Bands and whiskers are the 95 % intervals: how far another draw of pictures would move the number."
    absent = f"<h3>Not measured</h3><ul>{''.join(missing)}</ul>" if missing else ""
    return f"<p class='note'>{note}</p><div class='charts'>{''.join(charts)}</div>{absent}"


def _photo_flatness(ablation):
    result = ablation.measured[-1].result("photo_flatness")
    return {"photos": result.value} if result and result.value is not None else None


def _films(ablation):
    """For each run a row of columns: the photos, then the pictures of a step each."""
    folders = ablation.measured[0].evaluation.folders
    pixels = ablation.measured[0].evaluation.measures.max_pixels
    photos = _spread(sorted({photo for one in ablation.measured for photo in one.evaluation.pairs.values()}), PHOTOS)
    if not photos:
        return "<p>None.</p>"
    names = ", ".join(shown(photo, folders["photos"]) for photo in photos)
    parts = [f"<p class='note'>Rows: {_text(names)}. At most {COLUMNS} steps a run, spread over it.</p>"]
    for label in ablation.runs:
        columns = [picture(_column(photos, pixels), "photos", "photos")]
        for one in _spread(ablation.of(label), COLUMNS):
            drawn = {photo: made for made, photo in one.evaluation.pairs.items()}
            tiles = _column([drawn.get(photo, Path()) for photo in photos], pixels)
            columns.append(picture(tiles, f"pictures of {label} at step {one.step}", f"step {one.step:,}"))
        if len(columns) > 1:
            parts.append(f"<h3>{_text(label)}</h3><div class='film'>{''.join(columns)}</div>")
    return "".join(parts)


def _column(paths, max_pixels):
    """Tiles of pictures from top to bottom, grey where there is none."""
    return grid([[tile(path, max_pixels)] for path in paths])


def _spread(items, count):
    """At most `count` items, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[i * (len(items) - 1) // (count - 1)] for i in range(count)]


def _numbers(ablation):
    parts = []
    for label in ablation.runs:
        measured = ablation.of(label)
        rows, notes = [], {}
        for key, metric in ablation.metrics.items():
            results = [(one.step, one.result(key)) for one in measured]
            rows.append(
                (metric.name, *(_cell(_value(result), result.count if result else "") for _, result in results))
            )
            for step, result in results:
                if result and result.note:
                    notes.setdefault(f"{metric.name}: {result.note}", []).append(step)
        if measured:
            table = _table(("", *(f"step {one.step:,}" for one in measured)), rows)
            parts.append(f"<h3>{_text(label)}</h3>{table}{_notes(notes, len(measured))}")
    return "".join(parts)


def _notes(notes, whole):
    """What to keep in mind of the numbers, and the steps it holds for where these are not all."""
    lines = []
    for note, steps in notes.items():
        at = "" if len(steps) == whole else f" (step {', '.join(f'{step:,}' for step in steps)})"
        lines.append(f"<li>{_text(note + at)}</li>")
    return f"<ul class='note'>{''.join(lines)}</ul>" if lines else ""


def _networks(ablation):
    measures = ablation.measured[0].evaluation.measures
    used = {
        "features": measures.features,
        "distance to the photo": measures.distance,
        "anime-likeness": measures.likeness,
        "identity": measures.embedding,
    }
    rows = []
    for what, network in used.items():
        told = network.to_dict() if network else {}
        rows += [(f"{what}: {key.replace('_', ' ')}", _cell(str(value))) for key, value in told.items()]
    return _table(("", ""), rows)


def _problems(ablation):
    lines = "".join(f"<li>{_text(problem)}</li>" for problem in ablation.problems)
    return f"<ul>{lines}</ul>" if lines else "<p>None.</p>"


def _value(result):
    if result is None or result.value is None:
        return "-"
    interval = "" if result.interval is None else " [{}, {}]".format(*map(number, result.interval))
    return number(result.value) + interval


def _cell(text, tip=""):
    told = f' title="{_text(tip)}"' if tip else ""
    return f"<td{told}>{_text(text)}</td>"


def _table(heads, rows):
    """rows: (name, and its cells)."""
    head = "".join(f"<th scope='col'>{_text(text)}</th>" for text in heads)
    body = "".join(f"<tr><th scope='row'>{_text(name)}</th>{''.join(cells)}</tr>" for name, *cells in rows)
    return f"<div class='wide'><table class='facts'><tr>{head}</tr>{body}</table></div>"


def _text(text):
    return escape(text.encode(errors="backslashreplace").decode())
