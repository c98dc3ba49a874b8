"""The command `animegan3 compare`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import CACHE, DISTANCE, MAX_PIXELS, METRICS, REPLICATES, SEED, TRUST
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError

if TYPE_CHECKING:
    from animegan3_tf.comparison.compare import Comparison


def compare_command(
    photos: Path = typer.Option(..., help="Folder of the photos."),
    anime: Path = typer.Option(..., help="Folder of anime images of the style."),
    models: list[str] = typer.Option(
        ...,
        "--model",
        metavar="NAME=PATH",
        help="Name of a method, and its model or a folder of its images, which have the photos' names. A model is a "
        "run folder, weights (.h5), SavedModel, .tflite, .onnx or published file (.pb, TF.js, TensorFlow 1 "
        "checkpoint). Its architecture is detected, or given as v2=animegan2:PATH",
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for report.html, .json, .md, .csv and .tex."),
    size: int = typer.Option(512, help="Longest side of the photos in pixels; larger ones are reduced."),
    shown: int = typer.Option(
        8, help="Number of photos on the page, with a slider; the tables cover all.", min=0, metavar="<int>"
    ),
    sizes: str = typer.Option("256,512,1080p", help="Sizes to time: sides of squares, WIDTHxHEIGHT, or 1080p."),
    rounds: int = typer.Option(
        5, help="Number of timings of each method at each size, in turns.", min=1, metavar="<int>"
    ),
    timing: bool = typer.Option(True, "--timing/--no-timing", help="Measure time and memory."),
    features: Optional[str] = typer.Option(
        None,
        help="Measure distances between sets of images (FID) with a network that `animegan3 evaluate --help` lists; "
        "turns on --faces.",
    ),
    distance: Optional[str] = DISTANCE,
    metrics: Optional[str] = METRICS,
    faces: Optional[bool] = typer.Option(
        None,
        "--faces/--no-faces",
        help="Measure whether faces are found and show the same person; by default with --features.",
    ),
    replicates: int = REPLICATES,
    seed: int = SEED,
    cache: Path = CACHE,
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
) -> None:
    """Compare generators on the same photos: images, time, memory and scores.

    The exit status is 1 when an image cannot be used.

    Example: animegan3 compare --photos photos --anime anime --model v3=portrait --model other=drawings -o comparison
    """
    from animegan3_tf.comparison.inputs import parse_models, parse_sizes

    specifications = parse_models(models)
    for folder, option in ((photos, "--photos"), (anime, "--anime")):
        if not folder.is_dir():
            raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds images")
    timed = parse_sizes(sizes) if timing else ()

    from animegan3_tf.common.console import progress
    from animegan3_tf.common.files import work_folder
    from animegan3_tf.comparison.compare import EvaluationMetrics, Settings, compare
    from animegan3_tf.evaluation.measures import choose_measures, metric_keys
    from animegan3_tf.reports.comparison import check_folder, write_comparison

    check_folder(out)
    settings = Settings(size, timed, rounds, max_pixels)
    faces = features is not None if faces is None else faces
    warn = functools.cache(print_problems)  # once: all methods share the cache
    keys = metric_keys(metrics)
    measures = choose_measures(features, distance, cache.expanduser(), faces, replicates, seed, max_pixels, warn, keys)
    with work_folder() as work:
        scores = EvaluationMetrics(measures, progress)
        found = compare(photos, anime, specifications, scores, settings, work, progress)
        page = write_comparison(found, out, shown)
    print_comparison(found)
    print_problems(*found.problems)
    say(f"report: {page}")
    if found.problems:
        raise typer.Exit(1)


def print_comparison(found: Comparison) -> None:
    """Prints both tables and the notes."""
    from rich.console import Console

    from animegan3_tf.reports.comparison import cost_table, not_measured, notes, score_table
    from animegan3_tf.reports.table import print_table

    console = Console()
    for table in (cost_table(found), score_table(found)):
        print_table(table.transposed(), console, ends=False)
    for name, line in notes(found):
        say(f"{name}: {line}")
    for line in not_measured(found):
        say(line)
