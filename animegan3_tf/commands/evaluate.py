"""The command `animegan3 evaluate`."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import CACHE, DISTANCE, MAX_PIXELS, METRICS, REPLICATES, SEED, TRUST
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError
from animegan3_tf.models.checkpoints import by_name

if TYPE_CHECKING:
    from animegan3_tf.evaluation.ablation import DrawnCheckpoint
    from animegan3_tf.evaluation.measures import Measures


def evaluate_command(
    generated: Optional[Path] = typer.Option(
        None, help="Folder of stylised photos, or a model that stylises --photos first."
    ),
    runs: list[str] = typer.Option(
        [],
        "--ablate",
        metavar="[NAME=]RUN",
        help="Evaluate a run instead of --generated: stylise --photos with each state of a run folder, or with a state "
        "or weights file, and draw curves over training; may be given again.",
    ),
    photos: Path = typer.Option(..., help="Folder of the photos; an image belongs to the photo of the same name."),
    anime: Path = typer.Option(..., help="Folder of anime images of the style."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for report.html, report.json, .csv and .tex."),
    features: str = typer.Option(
        "inception-2015", help="Network for distances between sets of images: one of those listed above."
    ),
    distance: Optional[str] = DISTANCE,
    metrics: Optional[str] = METRICS,
    faces: bool = typer.Option(
        True, "--faces/--no-faces", help="Measure whether faces are found and show the same person."
    ),
    replicates: int = REPLICATES,
    seed: int = SEED,
    cache: Path = CACHE,
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
) -> None:
    """Measure stylised photos against the photos and against anime images of the style.

    The exit status is 1 when an image cannot be read.

    The networks of --features: inception-2015 (FID, inputs as clean-fid makes them), inception-2015-pytorch (as
    pytorch-fid) and inception-2015-tensorflow (as TensorFlow 1), all from the file that `animegan3 networks get
    inception-2015` keeps or from :FILE; inception-keras[:FILE.h5], resnet18[:FILE], whose FILE is a .whl, .onnx or
    .npz, and saved_model:FOLDER.

    Example: animegan3 evaluate --generated anime --photos photos --anime data/hayao/style -o evaluation
    """
    for folder, option in ((photos, "--photos"), (anime, "--anime")):
        if not folder.is_dir():
            raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds images")
    if (generated is None) == (not runs):
        given = "both are" if runs else "neither is"
        raise UserError(f"give --generated or --ablate, one of the two; {given} given")
    generated = generated and by_name(generated)
    if generated is not None and not generated.exists():
        raise UserError(
            f"--generated {str(generated)!r} does not exist; name a folder of images, a model, or a name that "
            "`animegan3 models` lists"
        )
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {str(out)!r} is a file; name a folder")

    from animegan3_tf.common.console import progress
    from animegan3_tf.evaluation.drawn import draw_with_model
    from animegan3_tf.evaluation.evaluate import evaluate, rejected
    from animegan3_tf.evaluation.measures import choose_measures, metric_keys
    from animegan3_tf.models.model import is_model
    from animegan3_tf.reports.evaluation import result_cell, write_evaluation

    keys = metric_keys(metrics)

    def choose() -> Measures:
        warn = functools.cache(print_problems)  # once: features and anime-likeness share the cache
        measures = choose_measures(
            features, distance, cache.expanduser(), faces, replicates, seed, max_pixels, warn, keys
        )
        if measures.features is not None:
            say(f"features: {measures.features.name}")
        return measures

    if generated is None:
        _ablate(runs, photos, anime, out, choose)
        return
    measures = choose()
    reasons: list[str] = []
    if is_model(generated):
        with progress("stylising") as advance:
            drawn = draw_with_model(
                generated, photos, out / "generated", max_pixels, lambda i, n, photo, _: advance(i, n, photo.name)
            )
        say(f"{drawn.written:,} images written to {out / 'generated'}, {len(drawn.failures):,} failed")
        generated, reasons = out / "generated", [reason for _, reason in drawn.failures]
    evaluation = evaluate(generated, photos, anime, measures, progress)
    write_evaluation(evaluation, out)
    reasons = list(dict.fromkeys([*reasons, *rejected(evaluation)]))  # a photo may have failed in both
    paired = len(set(evaluation.pairs.values()))
    left = len(evaluation.sets["generated"].paths) - len(evaluation.pairs)
    alone = f"; images without a photo: {left:,}" if left else ""
    say(f"{paired:,} of {len(evaluation.sets['photos'].paths):,} photos have an image{alone}")
    if not paired:
        reasons.append(
            "no image has the name of a photo or was drawn from one, so only whole sets were compared; check "
            "--generated and --photos"
        )
    print_problems(*reasons)
    for result in evaluation.results:
        say(f"{result.name}: {result_cell(result).whole(result.note)}")
    say(f"report: {out / 'report.html'}")
    if reasons:
        raise typer.Exit(1)


def _ablate(specifications: list[str], photos: Path, anime: Path, out: Path, choose: Callable[[], Measures]) -> None:
    """Evaluates the runs of --ablate; `choose` loads the measures, which takes long, after the runs are found."""
    from animegan3_tf.common.console import number, progress
    from animegan3_tf.evaluation.ablation import BIASED, ablate, find_ablation_runs
    from animegan3_tf.reports.evaluation import write_ablation

    problems: list[str] = []
    runs = find_ablation_runs(specifications, problems.append)
    for run in runs:
        steps = ", ".join(f"{checkpoint.step:,}" for checkpoint in run.checkpoints)
        say(f"{run.label}: {run.path}, step {steps}")

    def on_drawn(label: str, step: int, drawn: DrawnCheckpoint) -> None:
        failed = f", {len(drawn.failures):,} failed" if drawn.failures else ""
        say(f"{label}, step {step:,}: {drawn.written:,} drawn, {drawn.kept:,} drawn before{failed}")

    ablation = ablate(runs, photos, anime, out, choose(), progress, on_drawn)
    ablation = dataclasses.replace(ablation, problems=(*problems, *ablation.problems))
    write_ablation(ablation, out)
    print_problems(*ablation.problems)
    for key, metric in ablation.metrics.items():
        best = ablation.best(key)
        result = None if best is None else best.result(key)
        if best is not None and result is not None and result.value is not None:
            say(f"{metric.name}: best {number(result.value)}, {best.label}, step {best.step:,}")
    say(BIASED, f"report: {out / 'report.html'}")
    if ablation.problems:
        raise typer.Exit(1)
