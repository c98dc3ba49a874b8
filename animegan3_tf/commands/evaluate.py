"""The command `animegan3 evaluate`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.checkpoints import by_name
from animegan3_tf.commands.options import CACHE, MAX_PIXELS
from animegan3_tf.errors import UserError


def evaluate(
    generated: Optional[Path] = typer.Option(
        None, help="Stylised photos, a folder; or the model that is to stylise --photos."
    ),
    runs: list[str] = typer.Option(
        [],
        "--ablate",
        metavar="[NAME=]RUN",
        help="Instead of --generated, and once a run: stylise --photos with every state that the run folder keeps, or "
        "with a state or weights file, and draw curves over training.",
    ),
    photos: Path = typer.Option(..., help="The photos, a folder; pictures belong to the photo of the same name."),
    anime: Path = typer.Option(..., help="Anime pictures of the style, a folder."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for report.html, report.json, .csv and .tex."),
    features: str = typer.Option(
        "inception-2015",
        help="inception-2015[:FOLDER] (FID), inception-keras[:FILE.h5], resnet18[:FILE.whl, .onnx or .npz] "
        "or saved_model:FOLDER.",
    ),
    distance: Optional[str] = typer.Option(
        None, help="lpips:FILE.npz (LPIPS) or resnet18[:FILE]; by default the ResNet-18, where there is one."
    ),
    faces: bool = typer.Option(True, "--faces/--no-faces", help="Look for faces, and for the same person in both."),
    replicates: int = typer.Option(100, help="Of the bootstrap intervals; 0 for none.", min=0),
    seed: int = typer.Option(0, help="Of what is drawn for intervals and extrapolation.", min=0),
    cache: Path = CACHE,
    max_pixels: int = MAX_PIXELS,
):
    """Measure stylised photos against the photos and the anime. The status is 1 when a picture cannot be read."""
    for folder, option in ((photos, "--photos"), (anime, "--anime")):
        if not folder.is_dir():
            raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds pictures")
    if (generated is None) == (not runs):
        given = "both are" if runs else "neither is"
        raise UserError(f"give --generated or --ablate, one of the two; {given} given")
    generated = generated and by_name(generated)
    if generated is not None and not generated.exists():
        raise UserError(
            f"--generated {str(generated)!r} does not exist; name a folder of pictures, a model, or a name of "
            "`animegan3 models`"
        )
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {str(out)!r} is a file; name a folder")

    from animegan3_tf.evaluation.evaluate import evaluate as measure
    from animegan3_tf.evaluation.evaluate import rejected
    from animegan3_tf.evaluation.generated import draw, is_model
    from animegan3_tf.evaluation.latex import number
    from animegan3_tf.evaluation.measures import choose_measures
    from animegan3_tf.evaluation.report import write_report
    from animegan3_tf.progress import progress

    def choose():
        measures = choose_measures(features, distance, cache.expanduser(), faces, replicates, seed, max_pixels)
        print(f"features: {measures.features.name}")
        return measures

    if runs:
        _ablate(runs, photos, anime, out, choose)
        return
    measures = choose()
    reasons = []
    if is_model(generated):
        with progress("stylising") as advance:
            drawn = draw(
                generated, photos, out / "generated", max_pixels, lambda i, n, photo, _: advance(i, n, photo.name)
            )
        print(f"{drawn.written:,} pictures written to {out / 'generated'}, {len(drawn.failures):,} failed")
        generated, reasons = out / "generated", [reason for _, reason in drawn.failures]
    evaluation = measure(generated, photos, anime, measures, progress)
    write_report(evaluation, out)
    reasons = list(dict.fromkeys([*reasons, *rejected(evaluation)]))  # a photo may have failed in both
    paired = len(set(evaluation.pairs.values()))
    print(f"{paired:,} of {len(evaluation.sets['photos'].paths):,} photos have a picture of their name")
    if not paired:
        reasons.append(
            "no picture is named like a photo: only whole sets were compared; check --generated and --photos"
        )
    for reason in reasons:
        print(f"animegan3: {reason}", file=sys.stderr)
    for result in evaluation.results:
        value = result.note if result.value is None else number(result.value)
        interval = "" if result.interval is None else " [{}, {}]".format(*map(number, result.interval))
        print(f"{result.name}: {value}{interval}")
    print(f"report: {out / 'report.html'}")
    if reasons:
        raise typer.Exit(1)


def _ablate(specifications, photos, anime, out, choose):
    """--ablate; `choose` gives the measures, once the runs are known to be there."""
    from animegan3_tf.evaluation.ablation import ablate
    from animegan3_tf.evaluation.ablation_checkpoints import find_runs
    from animegan3_tf.evaluation.ablation_page import BIASED
    from animegan3_tf.evaluation.ablation_report import write_ablation
    from animegan3_tf.evaluation.latex import number
    from animegan3_tf.progress import progress

    problems = []
    runs = find_runs(specifications, problems.append)
    for run in runs:
        steps = ", ".join(f"{checkpoint.step:,}" for checkpoint in run.checkpoints)
        print(f"{run.label}: {run.path}, step {steps}")

    def on_drawn(label, step, drawn):
        failed = f", {len(drawn.failures):,} failed" if drawn.failures else ""
        print(f"{label}, step {step:,}: {drawn.written:,} drawn, {drawn.kept:,} stood already{failed}", flush=True)

    ablation = ablate(runs, photos, anime, out, choose(), progress, on_drawn)
    ablation = dataclasses.replace(ablation, problems=(*problems, *ablation.problems))
    write_ablation(ablation, out)
    for problem in ablation.problems:
        print(f"animegan3: {problem}", file=sys.stderr)
    for key, metric in ablation.metrics.items():
        best = ablation.best(key)
        if best is not None:
            print(f"{metric.name}: best {number(best.result(key).value)}, {best.label}, step {best.step:,}")
    print(f"{BIASED}\nreport: {out / 'report.html'}")
    if ablation.problems:
        raise typer.Exit(1)
