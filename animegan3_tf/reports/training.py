"""The report of a run as a page, and the table of runs."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from animegan3_tf.common import images
from animegan3_tf.common.console import duration
from animegan3_tf.common.files import whole_file
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.html import figure, page
from animegan3_tf.training.run_files import (
    flat,
    headline,
    is_number,
    read_configuration,
    read_metrics,
    read_run,
    short_headline,
)

if TYPE_CHECKING:
    import os

    from animegan3_tf.training.run_files import Run

if TYPE_CHECKING:
    import os

    from animegan3_tf.training.run_files import Run

    Records = Sequence[Mapping[str, Any]]  # of metrics.jsonl, oldest first
    Phases = list[tuple[str, int, int]]  # (name, first step, last step)
    Points = list[tuple[int, Any]]  # (step, value from JSON)

PAGE = "report.html"
GRIDS = 12  # most image grids on the page
TAILS = ("main", "support")
_LARGE, _SMALL = 960, 420  # width in pixels of the newest grid and of the earlier ones
_PHASES = {"pretrain": "pre-training"}
_PREFIXES = (  # of a term's name -> the chart it is drawn in
    ("adversarial_weight", "Discriminators"),
    ("discriminator_", "Discriminators"),
    ("pretrain_", "Pre-training"),
    ("style_", "Generator: style, by tap"),
    ("main_total_variation", "Generator: total variation"),  # thousands of times smaller than the others
    ("total_variation", "Generator: total variation"),
    ("main_", "Generator: main tail"),
)
_OTHER_TERMS = {False: "Generator: support tail", True: "Generator: terms"}  # of a run on pairs or not
_CHARTS = ("Generator: total", "Pre-training", *_OTHER_TERMS.values(), "Generator: style, by tap")
_CHARTS += ("Generator: main tail", "Generator: total variation", "Discriminators")
_NORMS = "_gradient"  # ends the names of terms that are not losses but the norms of the networks' gradients


def write_run_page(folder: str | os.PathLike[str], now: float | None = None) -> Path:
    """Writes `report.html` into a run folder from the files there, at any time of the run.

    The page fetches nothing and runs no script.

    Args:
        folder: The run folder.
        now: The present in Unix seconds; by default that of the clock.

    Returns:
        The path of the page.

    Raises:
        UserError: The folder is not a run folder, or its curves cannot be read.
    """
    folder = Path(folder)
    configuration = read_configuration(folder)
    paired = _is_of_pairs(configuration)
    run, records = read_run(folder, now=now), read_metrics(folder)
    warnings = Counter(str(record["warning"]) for record in records if "warning" in record)
    sections = [
        _header(folder, run, records),
        _section("Images", _grids(folder, records), _GRIDS[paired]),
        _section("Validation", _validation(records), _VALIDATION[paired]),
        _section(
            "Losses",
            _losses(records, _OTHER_TERMS[paired]),
            "Each term with its weight; the generator's add up to the total.",
        ),
        _section("Speed and memory", _machine(records), ""),
        _section("Warnings", "".join(f"<li>{escape(t)}{_times(n)}</li>" for t, n in warnings.items()), "", tag="ul"),
        f"<section><details><summary>Configuration</summary>{_table(configuration)}</details></section>",
    ]
    title = f"{folder.resolve().name}: {run.style or 'run'}"
    path = folder / PAGE
    with whole_file(path) as temporary:
        temporary.write_text(page(title, "".join(sections)), encoding="utf-8")
    return path


_GRIDS = {  # of a run on pairs or not
    False: "Rows: the same photos each time. Columns: photo, then the averaged generator's tails, the main one last.",
    True: "Rows: the same pairs each time, which are not trained on. Columns: photo, the averaged generator's result, "
    "the teacher's drawing.",
}
_VALIDATION = {
    False: "Likeness: 0 is as far from anime as the photos are, 1 is the mean of the anime images. It is measured in "
    "the network that the run trains against, so it compares steps of one run and does not replace a classifier. "
    "Distance: between the features of image and photo; 0 is the photo itself.",
    True: "The averaged generator's results compared with the drawings of pairs that are not trained on. Both eyes "
    "drawn: the share of the faces whose result has a dark shape of an eye's size at both eyes; it does not measure "
    "whether the result looks like anime.",
}


def _is_of_pairs(configuration: Mapping[str, Any]) -> bool:
    style = configuration.get("style")
    return isinstance(style, dict) and style.get("objective") == "pairs"


def _header(folder: Path, run: Run, records: Records) -> str:
    step = max([run.step, *(record["step"] for record in records)])
    facts = [("state", run.state), ("step", f"{step:,} of {run.steps:,}" if run.steps else f"{step:,}")]
    facts += headline(run.validation).items()
    timed = [r for r in records if is_number(r.get("time")) and 0 <= r["time"] < 1e11]
    if len(timed) > 1:
        facts.append(("first to last record", duration(max(0.0, timed[-1]["time"] - timed[0]["time"]))))
    if timed:
        facts.append(("last record", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(timed[-1]["time"]))))
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts)
    message = f"<p class='message'>{escape(run.message)}</p>" if run.message else ""
    style = f"style {run.style}" if run.style else ""
    return f"<header><h1>{escape(folder.resolve().name)}</h1><p>{escape(style)}</p><dl>{items}</dl>{message}</header>"


def _grids(folder: Path, records: Records) -> str:
    """The newest grid large, earlier ones small, at most twelve in all."""
    grids: dict[int, Path] = {}
    for record in records:
        path = folder / str(record.get("grid"))
        if path.is_file() and path.resolve().parent.parent == folder.resolve():  # nothing from outside the run folder
            grids[record["step"]] = path
    steps = sorted(grids)
    if len(steps) > GRIDS:
        steps = [steps[i * (len(steps) - 1) // (GRIDS - 1)] for i in range(GRIDS)]
    shown = [_grid(grids[step], step, _LARGE if step == steps[-1] else _SMALL) for step in reversed(steps)]
    return f"{shown[0]}<div class='small'>{''.join(shown[1:])}</div>" if shown else ""


def _grid(path: Path, step: int, across: int) -> str:
    try:
        rgb = images.read_image(path).rgb
    except images.ImageError as error:
        return f"<figure class='grid'><figcaption>step {step:,}: {escape(str(error))}</figcaption></figure>"
    height, width = rgb.shape[:2]
    if width > across:
        rgb = images.resize(rgb, (max(1, round(height * across / width)), across))
    return figure(rgb, f"photos and generated images at step {step}", f"step {step:,}")


def _validation(records: Records) -> str:
    records = [r for r in records if isinstance(r.get("validation"), dict)]
    phases = _phases(records)
    if not records:
        return ""

    def curves(name: str) -> dict[str, Points]:
        return {f"{t} tail": [(r["step"], r["validation"].get(f"{name}_{t}")) for r in records] for t in TAILS}

    itself = {"the anime images themselves": records[-1]["validation"].get("anime_itself")}
    charts = [
        line_chart("Anime likeness", "0: photos, 1: mean of the anime", curves("anime_likeness"), phases, itself, True),
        line_chart("Content distance to the photo", "feature distance", curves("content_distance"), phases, zero=True),
    ]
    for title, unit, name in (
        ("Distance to the drawings", "dB", "psnr"),
        ("Likeness to the drawings", "SSIM, 1: the same", "ssim"),
        ("Both eyes drawn", "share of the faces", "eyes_drawn"),
    ):
        charts.append(
            line_chart(title, unit, {name: [(r["step"], r["validation"].get(name)) for r in records]}, phases)
        )
    return _charts(charts)


def _losses(records: Records, others: str) -> str:
    """Charts of all terms and gradient norms; `others` is the chart of the terms that no prefix assigns."""
    records = [r for r in records if isinstance(r.get("terms"), dict)]
    phases = _phases(records)
    charts: dict[str, dict[str, Points]] = {title: {} for title in _CHARTS}
    norms: dict[str, Points] = {}
    for name in dict.fromkeys(name for record in records for name in record["terms"]):
        title = "Generator: total" if name == "loss" else others
        title = next((t for prefix, t in _PREFIXES if name.startswith(prefix)), title)
        chart = norms if name.endswith(_NORMS) else charts[title]
        chart[name] = [(r["step"], r["terms"][name]) for r in records if name in r["terms"]]
    drawn = [line_chart(title, "weighted loss", terms, phases) for title, terms in charts.items()]
    return _charts([*drawn, line_chart("Gradients", "norm", norms, phases)])


def _machine(records: Records) -> str:
    records = [r for r in records if isinstance(r.get("terms"), dict)]
    phases = _phases(records)
    speed = {"images a second": [(r["step"], r.get("images_per_s")) for r in records]}
    names = {"process_peak": "process peak", "gpu_now": "GPU now", "gpu_peak": "GPU peak"}
    used = {label: [(r["step"], _gibibytes(r, name)) for r in records] for name, label in names.items()}
    return _charts(
        [
            line_chart("Speed", "images/s", speed, phases, zero=True),
            line_chart("Memory", "GiB", used, phases, zero=True),
        ]
    )


def _gibibytes(record: Mapping[str, Any], name: str) -> float | None:
    memory = record.get("memory")
    amount = memory.get(name) if isinstance(memory, dict) else None
    return amount / 2**30 if is_number(amount) else None


def _phases(records: Records) -> Phases:
    """The phases in their order; each begins with the step where the one before ended."""
    spans: Phases = []
    before = 0
    for record in records:
        name = str(record.get("phase"))
        name = _PHASES.get(name, name)
        if spans and spans[-1][0] == name:
            spans[-1] = (name, spans[-1][1], record["step"])
        else:
            spans.append((name, before, record["step"]))
        before = record["step"]
    return spans


def _table(configuration: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(key)}</th><td>{escape(json.dumps(value))}</td></tr>"
        for key, value in flat(configuration).items()
    )
    return f"<table>{rows}</table>"


def _charts(charts: Sequence[str]) -> str:
    drawn = "".join(charts)
    return f"<div class='charts'>{drawn}</div>" if drawn else ""


def _section(title: str, body: str, note: str, tag: str = "div") -> str:
    note = f"<p class='note'>{escape(note)}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{note}<{tag}>{body}</{tag}></section>" if body else ""


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


_TERMS = ("loss", "discriminator_support", "discriminator_main", "discriminator_pair")  # the terms that are shown
_PIPED = 160  # width in columns if the output is not a terminal


def print_runs(runs: Sequence[Run], folder: str | os.PathLike[str], file: TextIO | None = None) -> None:
    """Prints one row per run.

    Args:
        runs: The runs.
        folder: Where they were looked for.
        file: Where to print; stdout by default.
    """
    file = file or sys.stdout
    console = Console(file=file, highlight=False, markup=False, width=None if file.isatty() else _PIPED)
    if not runs:
        console.print(f"no runs below {str(folder)!r}")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    # users copy paths, so a path stays on one line as long as it leaves room for the other columns
    whole = max(len(str(run.folder)) for run in runs) <= console.width // 2
    for title in ("run", "style", "state", "step", "losses", "validation", "images", "updated"):
        table.add_column(title, overflow="fold", no_wrap=whole and title == "run")
    for run in runs:
        table.add_row(*map(Text, _row(run)))
    console.print(table)
    for run in runs:
        if run.message:
            console.print(f"{run.folder}: {run.message}", soft_wrap=True)


def _row(run: Run) -> tuple[str, ...]:
    losses = "  ".join(f"{name} {run.terms[name]:.3g}" for name in _TERMS if name in run.terms)
    return (
        run.folder,
        run.style or "",
        run.state,
        f"{run.step}/{run.steps or '?'}",
        losses,
        short_headline(run.validation),
        run.grid or "",
        "" if run.age is None else f"{duration(run.age)} ago",
    )
