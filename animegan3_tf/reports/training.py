"""The report of a run as a page, and the table of runs."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from animegan3_tf.common import images
from animegan3_tf.common.console import duration, number
from animegan3_tf.common.errors import printable, quote
from animegan3_tf.common.files import StrPath, write_texts
from animegan3_tf.reports.charts import line_chart
from animegan3_tf.reports.html import Figure, evenly, figure, render
from animegan3_tf.reports.table import Table, print_table
from animegan3_tf.training import run_files
from animegan3_tf.training.run_files import Run, is_number

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


def write_run_page(folder: StrPath, now: float | None = None) -> Path:
    """Writes `report.html` into a run folder from the files there, at any time of the run.

    The page fetches nothing and runs no script.

    Args:
        folder: The run folder.
        now: The present in Unix seconds; by default that of the clock.

    Returns:
        The path of the page.

    Raises:
        UserError: The folder is not a run folder, or its curves cannot be read, or the page cannot be written.
    """
    folder = Path(folder)
    configuration = run_files.read_configuration(folder)
    style = configuration.get("style")
    paired = isinstance(style, dict) and style.get("objective") == "pairs"
    run, records = run_files.read_run(folder, now=now), run_files.read_metrics(folder)
    trained = [record for record in records if isinstance(record.get("terms"), dict)]
    grids, unreadable = _grids(folder, records)
    page = render(
        "training",
        title=folder.resolve().name,
        about=f"style {run.style}" if run.style else "",
        facts=_facts(run, records),
        message=run.message,
        paired=paired,
        grids=grids,
        unreadable=unreadable,
        validation=_validation([record for record in records if isinstance(record.get("validation"), dict)]),
        losses=_losses(trained, _OTHER_TERMS[paired]),
        machine=_machine(trained),
        warnings=Counter(str(record["warning"]) for record in records if "warning" in record),
        configuration=Table.of(
            ("setting", "value"), ((key, json.dumps(value)) for key, value in run_files.flat(configuration).items())
        ),
    )
    write_texts(folder, {PAGE: page})
    return folder / PAGE


def _facts(run: Run, records: Records) -> dict[str, str]:
    step = max([run.step, *(record["step"] for record in records)])
    facts = {"state": run.state, "step": f"{step:,} of {run.steps:,}" if run.steps else f"{step:,}"}
    facts |= run_files.headline(run.validation)
    timed = [r for r in records if is_number(r.get("time")) and 0 <= r["time"] < 1e11]
    if len(timed) > 1:
        facts["first to last record"] = duration(max(0.0, timed[-1]["time"] - timed[0]["time"]))
    if timed:
        facts["last record"] = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(timed[-1]["time"]))
    return facts


def _grids(folder: Path, records: Records) -> tuple[list[Figure], list[str]]:
    """Reads the newest grid, large, and some earlier ones, small; the lines are about those that cannot be read."""
    grids: dict[int, Path] = {}
    for record in records:
        path = folder / str(record.get("grid"))
        if path.is_file() and path.resolve().parent.parent == folder.resolve():  # nothing from outside the run folder
            grids[record["step"]] = path
    figures, lines, across = [], [], _LARGE
    for step in reversed(evenly(sorted(grids), GRIDS)):
        try:
            rgb = images.read_image(grids[step]).rgb
        except images.ImageError as error:
            lines.append(f"step {step:,}: {error}")
            continue
        height, width = rgb.shape[:2]
        if width > across:
            rgb = images.resize(rgb, (max(1, round(height * across / width)), across))
        figures.append(figure(rgb, f"photos and generated images at step {step}", f"step {step:,}"))
        across = _SMALL
    return figures, lines


def _validation(records: Records) -> list[str]:
    if not records:
        return []
    phases = _phases(records)

    def curve(name: str) -> Points:
        return [(record["step"], record["validation"].get(name)) for record in records]

    names = ("anime_likeness", "content_distance")
    likeness, distance = ({f"{tail} tail": curve(f"{name}_{tail}") for tail in TAILS} for name in names)
    itself = {"the anime images themselves": records[-1]["validation"].get("anime_itself")}
    return _drawn(
        line_chart("Anime likeness", "0: photos, 1: mean of the anime", likeness, phases, itself, True),
        line_chart("Content distance to the photo", "feature distance", distance, phases, zero=True),
        line_chart("Distance to the drawings", "dB", {"psnr": curve("psnr")}, phases),
        line_chart("Likeness to the drawings", "SSIM, 1: the same", {"ssim": curve("ssim")}, phases),
        line_chart("Both eyes drawn", "share of the faces", {"eyes_drawn": curve("eyes_drawn")}, phases),
    )


def _losses(records: Records, others: str) -> list[str]:
    """Draws all terms and gradient norms; `others` is the chart of the terms that no prefix assigns."""
    phases = _phases(records)
    charts: dict[str, dict[str, Points]] = {title: {} for title in _CHARTS}
    norms: dict[str, Points] = {}
    for name in dict.fromkeys(name for record in records for name in record["terms"]):
        title = "Generator: total" if name == "loss" else others
        title = next((t for prefix, t in _PREFIXES if name.startswith(prefix)), title)
        chart = norms if name.endswith(_NORMS) else charts[title]
        chart[name] = [(r["step"], r["terms"][name]) for r in records if name in r["terms"]]
    losses = (line_chart(title, "weighted loss", terms, phases) for title, terms in charts.items())
    return _drawn(*losses, line_chart("Gradients", "norm", norms, phases))


def _machine(records: Records) -> list[str]:
    phases = _phases(records)
    speed = {"images a second": [(r["step"], r.get("images_per_s")) for r in records]}
    names = {"process_peak": "process peak", "gpu_now": "GPU now", "gpu_peak": "GPU peak"}
    used = {label: [(r["step"], _gibibytes(r, name)) for r in records] for name, label in names.items()}
    return _drawn(
        line_chart("Speed", "images/s", speed, phases, zero=True), line_chart("Memory", "GiB", used, phases, zero=True)
    )


def _drawn(*charts: str) -> list[str]:
    """The charts that have something to show."""
    return [chart for chart in charts if chart]


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


_TERMS = ("loss", "discriminator_support", "discriminator_main", "discriminator_pair")  # the terms that are shown
_PIPED = 160  # width in columns if the output is not a terminal


def print_runs(runs: Sequence[Run], folder: StrPath, file: TextIO | None = None) -> None:
    """Prints one row per run.

    Args:
        runs: The runs.
        folder: Where they were looked for.
        file: Where to print; stdout by default.
    """
    file = file or sys.stdout
    console = Console(file=file, highlight=False, markup=False, width=None if file.isatty() else _PIPED)
    if not runs:
        console.print(f"no runs below {quote(folder)}")
        return
    # users copy paths, so a path stays on one line as long as it leaves room for the other columns
    whole = max(len(str(run.folder)) for run in runs) <= console.width // 2
    columns = ("run", "style", "state", "step", "losses", "validation", "images", "updated")
    print_table(Table.of(columns, map(_row, runs)), console, unbroken=["run"] if whole else [])
    for run in runs:
        if run.message:
            console.print(printable(f"{run.folder}: {run.message}"), soft_wrap=True)


def _row(run: Run) -> tuple[str, ...]:
    losses = "  ".join(f"{name} {number(run.terms[name])}" for name in _TERMS if name in run.terms)
    return (
        run.folder,
        run.style or "",
        run.state,
        f"{run.step}/{run.steps or '?'}",
        losses,
        run_files.short_headline(run.validation),
        run.grid or "",
        "" if run.age is None else f"{duration(run.age)} ago",
    )
