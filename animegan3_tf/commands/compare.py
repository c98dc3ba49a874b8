"""The command `animegan3 compare`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands.options import CACHE, MAX_PIXELS
from animegan3_tf.errors import UserError


def compare(
    photos: Path = typer.Option(..., help="Photos, a folder."),
    anime: Path = typer.Option(..., help="Anime pictures of the style, a folder."),
    models: list[str] = typer.Option(
        ...,
        "--model",
        metavar="NAME=PATH",
        help="A run folder, weights (.h5), SavedModel, .tflite, .onnx, a published file (.pb, TF.js, TensorFlow 1 "
        "checkpoint; its architecture is found out, or said: v2=animegan2:PATH), or a folder of pictures named like "
        "the photos.",
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for report.html, .json, .md, .csv and .tex."),
    size: int = typer.Option(512, help="Longest side of photos in pixels; larger ones are reduced."),
    shown: int = typer.Option(8, help="Photos that the page shows with a slider; tables are of all.", min=0),
    sizes: str = typer.Option("256,512,1080p", help="At which to time: sides of squares, WIDTHxHEIGHT, 1080p."),
    rounds: int = typer.Option(5, help="How often each method is timed at each size, in turns.", min=1),
    timing: bool = typer.Option(True, "--timing/--no-timing", help="Measure time and memory."),
    features: Optional[str] = typer.Option(
        None,
        help="Also measure distances between sets (FID), and look for faces, with a network of `evaluate`: "
        "inception-2015[:FOLDER], inception-keras[:FILE.h5], resnet18[:FILE] or saved_model:FOLDER.",
    ),
    distance: Optional[str] = typer.Option(
        None, help="lpips:FILE.npz (LPIPS) or resnet18[:FILE]; by default the ResNet-18, where there is one."
    ),
    faces: Optional[bool] = typer.Option(
        None, "--faces/--no-faces", help="Look for faces, and for the same person in both; with --features by default."
    ),
    replicates: int = typer.Option(100, help="Of the bootstrap intervals; 0 for none.", min=0),
    seed: int = typer.Option(0, help="Of what is drawn for intervals and extrapolation.", min=0),
    cache: Path = CACHE,
    max_pixels: int = MAX_PIXELS,
):
    """Compare generators on the same photos: pictures, time, memory, scores. The status is 1 when a picture is bad."""
    from animegan3_tf.comparison.image_size import parse_sizes
    from animegan3_tf.comparison.specification import parse_models

    specifications = parse_models(models)
    for folder, option in ((photos, "--photos"), (anime, "--anime")):
        if not folder.is_dir():
            raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds pictures")
    timed = parse_sizes(sizes) if timing else ()

    from animegan3_tf.comparison.compare import Settings
    from animegan3_tf.comparison.compare import compare as run
    from animegan3_tf.comparison.evaluation_metrics import EvaluationMetrics
    from animegan3_tf.comparison.report import check_folder, write_report
    from animegan3_tf.evaluation.measures import choose_measures
    from animegan3_tf.progress import progress

    check_folder(out)
    settings = Settings(size, timed, rounds, max_pixels)
    faces = features is not None if faces is None else faces
    measures = choose_measures(features, distance, cache.expanduser(), faces, replicates, seed, max_pixels)
    with tempfile.TemporaryDirectory() as work:
        metrics = EvaluationMetrics(measures, progress)
        found = run(photos, anime, specifications, metrics, settings, Path(work), progress)
        page = write_report(found, out, shown)
    print_comparison(found)
    for reason in found.problems:
        print(f"animegan3: {reason}", file=sys.stderr)
    print(f"report: {page}")
    if found.problems:
        raise typer.Exit(1)


def print_comparison(found):
    """Both tables and the notes, on stdout."""
    from rich.console import Console

    from animegan3_tf.comparison.table_texts import print_table
    from animegan3_tf.comparison.tables import cost_table, not_measured, score_table
    from animegan3_tf.comparison.words import notes

    console = Console()
    for table in (cost_table(found), score_table(found)):
        print_table(table, console)
    for name, line in notes(found):
        print(f"{name}: {line}")
    for line in not_measured(found):
        print(line)
