"""The `animegan3` command: parse, validate, print the resolved configuration, call the library.

TensorFlow is imported inside the commands that need it, so that `--help` answers at once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf import __version__
from animegan3_tf.cli_evaluate import evaluate
from animegan3_tf.cli_study import study
from animegan3_tf.errors import UserError
from animegan3_tf.runtime import quiet_tensorflow

app = typer.Typer(
    help="Photos to anime with AnimeGANv3: prepare data, train a style, stylise photos, export the generator.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(study, name="study")

DEFAULT_MAX_PIXELS = 100_000_000  # of images.py, which would load OpenCV
_MAX_PIXELS = typer.Option(DEFAULT_MAX_PIXELS, help="Refuse pictures with more pixels than this.", min=256)
_STYLE = typer.Option("shinkai", help="Name of a bundled style, or a .toml file.")
_PHOTOS = typer.Option(None, help="Photos, instead of DATA/photo.")
_ANIME = typer.Option(None, help="Anime pictures, instead of DATA/<style>/style.")
_IMAGE_SIZE = typer.Option(None, help="Side of the training crops; the style's by default.")
_MODEL_HELP = "Run folder, weights (.h5), SavedModel folder, .tflite or .onnx; by default the newest in checkpoints/."


def main():
    """Entry point: runs the command; a UserError becomes one line on stderr and exit status 1."""
    quiet_tensorflow()
    try:
        app()
    except UserError as error:
        print(f"animegan3: {error}", file=sys.stderr)
        sys.exit(1)


@app.callback(invoke_without_command=True)
def _version(version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True)):
    if version:
        print(f"animegan3_tf {__version__}")
        raise typer.Exit


@app.command()
def faces(
    source: Path = typer.Argument(..., metavar="SRC", help="A folder of photos, with those below it, or one photo."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the crops, faces.json and rejected.json."),
    size: int = typer.Option(256, help="Side of the crops in pixels."),
    margin: Optional[float] = typer.Option(
        None, help="Added on each side of a face, as a share of it; 0.12 by default, 0 with --center."
    ),
    min_size: int = typer.Option(64, help="Leave out faces that measure less, in pixels of the photo."),
    min_confidence: float = typer.Option(0.9, help="Leave out faces of which the detector is less sure, 0 to 1."),
    duplicates: int = typer.Option(
        50, help="Leave out crops that differ from an earlier one in so few of 256 bits; -1 keeps all."
    ),
    letterbox: bool = typer.Option(False, "--letterbox", help="Take pictures without a face whole, between bars."),
    boxes: Optional[Path] = typer.Option(
        None, help="Faces from this file, not MTCNN: CSV with columns file,left,top,right,bottom, or JSON."
    ),
    center: bool = typer.Option(False, "--center", help="Take the middle square of every picture, not MTCNN's faces."),
    max_pixels: int = _MAX_PIXELS,
):
    """Cut faces out of photos: square, eyes level, one size. The status is 1 when a photo cannot be read."""
    if boxes is not None and center:
        raise UserError("--boxes and --center exclude each other; leave one of them out")
    from animegan3_tf.data.center_crop import CenterCrop
    from animegan3_tf.data.face_boxes import GivenBoxes
    from animegan3_tf.data.face_detector import MtcnnDetector
    from animegan3_tf.data.faces import CropSettings, crop_faces
    from animegan3_tf.progress import progress

    margin = (0.0 if center else 0.12) if margin is None else margin
    settings = CropSettings(size, margin, min_size, min_confidence, duplicates, letterbox)
    detector = GivenBoxes(boxes) if boxes is not None else CenterCrop() if center else MtcnnDetector(min_size)
    with progress("cropping faces") as advance:
        report = crop_faces(source, out, detector, settings, max_pixels, advance)
    for _, reason in report.failed:
        print(f"animegan3: {reason}", file=sys.stderr)
    print(f"{report.written:,} faces written to {out}, {report.current:,} photos current")
    for kind, count in sorted(report.rejected.items()):
        print(f"{kind}: {count:,} photos")
    if report.rejected:
        print(f"reasons: {out / 'rejected.json'}")
    if report.failed:
        raise typer.Exit(1)


@app.command()
def prepare(
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/."),
    style: str = _STYLE,
    photos: Optional[Path] = _PHOTOS,
    anime: Optional[Path] = _ANIME,
    image_size: Optional[int] = _IMAGE_SIZE,
    balance: Optional[str] = typer.Option(
        None, help="none, mean or equalize: the anime pictures' colours (for train: --set data.balance=...)."
    ),
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    jobs: int = typer.Option(os.cpu_count() or 1, help="Processes; with --runner, what Beam's options say.", min=1),
    max_pixels: int = _MAX_PIXELS,
    shards: Optional[Path] = typer.Option(
        None,
        help="Write TFRecord shards into this folder, which train takes as --data, and nothing beside the originals.",
    ),
    shard_pictures: int = typer.Option(128, help="Pictures in a shard.", min=1),
    runner: Optional[str] = typer.Option(
        None, help="Write them with Apache Beam: DirectRunner, FlinkRunner, DataflowRunner (extra: beam)."
    ),
    beam_options: str = typer.Option("", help="Of Beam: '--flink_master=host:8081 --parallelism=8'."),
):
    """Precompute the training targets: superpixels and L0 of the photos, edge-smoothed anime."""
    recipe = _recipe(style, settings, {"data.image_size": image_size, "data.balance": balance})
    if shards is None and runner is not None:
        raise UserError("--runner is for --shards; leave it out, or add --shards DIR")
    if runner is None and beam_options:
        raise UserError("--beam-options are for --runner; leave them out, or add --runner DirectRunner")
    photos, anime = _folders(data, recipe, photos, anime)
    if shards is None:
        report = _prepare(recipe, photos, anime, jobs, max_pixels)
    else:
        report = _prepare_shards(recipe, photos, anime, shards, shard_pictures, jobs, runner, beam_options, max_pixels)
    if report.rejected:
        raise typer.Exit(1)


@app.command()
def inspect(
    data: Path = typer.Argument(Path("data"), help="Folder with photo/ and <style>/style/."),
    style: str = _STYLE,
    photos: Optional[Path] = _PHOTOS,
    anime: Optional[Path] = _ANIME,
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    page: Path = typer.Option(Path("inspect.html"), help="The report, one file with its pictures."),
    as_json: Optional[Path] = typer.Option(None, "--json", help="Write everything found to this file too."),
    max_pixels: int = _MAX_PIXELS,
):
    """Report on photos and anime pictures before training: sizes, colours, duplicates, bad files, warnings."""
    recipe = _recipe(style, settings, {})
    photos, anime = _folders(data, recipe, photos, anime)
    from rich.console import Console

    from animegan3_tf.inspection.inspect import inspect as look_at
    from animegan3_tf.inspection.page import write_page
    from animegan3_tf.inspection.table import print_inspection
    from animegan3_tf.progress import progress

    with progress("inspecting") as advance:
        inspection = look_at(recipe, photos, anime, advance, max_pixels)
    print_inspection(inspection, Console())
    write_page(inspection, page, max_pixels)
    print(f"report: {page}")
    if as_json is not None:
        inspection.write_json(as_json)


@app.command()
def train(
    out: Path = typer.Option(..., help="Run folder: configuration, state, pictures, logs."),
    style: str = _STYLE,
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/."),
    photos: Optional[Path] = _PHOTOS,
    anime: Optional[Path] = _ANIME,
    perceptual: str = typer.Option("vgg19", help="vgg19, vgg19:FILE.h5, vgg19:FILE.npy, resnet18:FILE.npz or random."),
    image_size: Optional[int] = _IMAGE_SIZE,
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
    max_pixels: int = _MAX_PIXELS,
    prepare: bool = typer.Option(False, "--prepare", help="First precompute the targets, as the prepare command does."),
    resume: bool = typer.Option(False, "--resume", help="Go on with the run in --out."),
    override: bool = typer.Option(False, "--override", help="Let --resume take settings that differ from the run's."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the resolved configuration and stop."),
    live: Optional[bool] = typer.Option(None, "--live/--lines", help="Draw a table on the terminal, or print lines."),
):
    """Train a style on unpaired photos and anime pictures; --resume goes on after an interruption."""
    recipe = _recipe(style, settings, {"data.image_size": image_size, "train.batch_size": batch_size})
    photos, anime = _folders(data, recipe, photos, anime)

    if resume and init is not None:
        raise UserError("--init is for a new run, --resume goes on with one; leave one of them out")
    if override and not resume:
        raise UserError("--override is for --resume; leave it out, or add --resume")

    from animegan3_tf.training.distribution import cluster_position
    from animegan3_tf.training.initial import find_origin
    from animegan3_tf.training.precision import half_precision
    from animegan3_tf.training.run import RunConfiguration, resolve_steps
    from animegan3_tf.training.run import train as run

    stored = RunConfiguration.read(out) if resume else None
    origin = stored.init if resume else find_origin(init) if init is not None else None
    steps, pretrain_steps = resolve_steps(recipe, photos, steps, pretrain_steps, stored, origin)
    configuration = RunConfiguration(
        style=recipe,
        photos=str(photos),
        anime=str(anime),
        perceptual=perceptual,
        steps=steps,
        pretrain_steps=pretrain_steps,
        samples=None if samples is None else str(samples),
        sample_size=sample_size,
        seed=seed,
        max_pixels=max_pixels,
        log_every=log_every,
        sample_every=sample_every,
        checkpoint_every=checkpoint_every,
        keep=keep,
        keep_every=keep_every,
        deterministic=deterministic,
        precision=half_precision() if mixed_precision else "float32",
        accumulate=accumulate,
        jit=jit,
        init=origin,
    )
    print(json.dumps(configuration.to_dict(), indent=2))
    if dry_run:
        return
    if prepare and cluster_position()[0] == 0:  # the others wait for it when they meet
        _prepare(recipe, photos, anime, os.cpu_count() or 1, max_pixels)
    live = _draws(sys.stdout) if live is None else live
    result = run(configuration, out, resume=resume, override=override, show=_print_line, live=live)
    if result.grid is not None:  # another host's otherwise
        print(f"pictures: {result.grid}\ngenerator: {out / 'generator.h5'}\nreport: {out / 'report.html'}")
    if result.stopped_by is not None:
        print(f"animegan3: stopped at step {result.step}, saved; go on with --resume", file=sys.stderr)
        raise typer.Exit(128 + result.stopped_by)


@app.command()
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


@app.command()
def stylize(
    inputs: list[Path] = typer.Argument(..., help="Photos and folders of photos."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the results, or a picture file for one photo."),
    model: Optional[Path] = typer.Option(None, help=_MODEL_HELP),
    format: Optional[str] = typer.Option(None, help="png, jpg or webp; by default each photo's own."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Let results replace their own photos."),
    face: bool = typer.Option(False, "--face", help="Draw each face again at --face-size and blend it in."),
    face_size: int = typer.Option(256, help="Side of the crops that --face stylises; what the model was trained on."),
    max_pixels: int = _MAX_PIXELS,
):
    """Turn photos into anime. A photo that cannot be read gives one line; the rest goes on, and the status is 1."""
    from animegan3_tf.progress import progress
    from animegan3_tf.stylize import stylize_files
    from animegan3_tf.stylizer import load_stylizer

    stylizer = load_stylizer(model or _shipped())
    if stylizer.warning:
        print(f"animegan3: {stylizer.warning}", file=sys.stderr)
    if face:
        from animegan3_tf.data.face_detector import MtcnnDetector
        from animegan3_tf.face_stylizer import FaceStylizer

        stylizer = FaceStylizer(stylizer, MtcnnDetector(min_size=32), face_size)
    errors = []
    with progress("stylising") as advance:

        def on_progress(done, total, photo, error):
            advance(done, total, photo.name)
            if error is not None:
                errors.append(error)

        report = stylize_files(
            inputs, out, stylizer, max_pixels=max_pixels, suffix=format, overwrite=overwrite, on_progress=on_progress
        )
    for error in errors:
        print(f"animegan3: {error}", file=sys.stderr)
    print(f"{report.written:,} pictures written to {out}, {len(report.failures):,} failed")
    if report.failures:
        raise typer.Exit(1)


@app.command()
def export(
    model: Path = typer.Argument(..., help="Run folder or weights file (.h5)."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the files and export.json, which describes them."),
    formats: str = typer.Option("saved_model,tflite", "--format", help="Of saved_model, tflite and onnx."),
    sizes: str = typer.Option("256", "--size", help="Sides of the .tflite files' pictures, multiples of 8."),
    precisions: str = typer.Option("float32", "--precision", help="Of float32, float16, dynamic, int8: .tflite files."),
    calibrate: Optional[Path] = typer.Option(None, help="Folder of photos that int8 is fitted to; it needs some."),
    photos: Optional[Path] = typer.Option(None, help="Folder of photos to compare on; three bundled ones by default."),
    litert: Optional[Path] = typer.Option(
        None, help="A Python that has ai-edge-litert, to run the .tflite files with."
    ),
    name: Optional[str] = typer.Option(None, help="The model's name in the files; by default that of its style."),
    version: Optional[str] = typer.Option(None, help="Its version; by default the training step's."),
    author: Optional[str] = typer.Option(None, help="Who made it."),
    license: Optional[str] = typer.Option(None, help="What it may be used for."),
    trained_on: Optional[str] = typer.Option(None, help="The pictures it was trained on, and whose they are."),
):
    """Write the deployed generator as SavedModel, TFLite and ONNX, each run and compared with the Keras model."""
    from animegan3_tf.export import ExportPlan, export_generator

    card = {"name": name, "version": version, "author": author, "license": license, "trained_on": trained_on}
    plan = ExportPlan(
        formats=_listed(formats),
        sizes=tuple(_integer("--size", text) for text in _listed(sizes)),
        precisions=_listed(precisions),
        calibrate=calibrate,
        photos=photos,
        litert=litert,
        card=card,
    )

    def show(file):
        print(f"{file.path.name:34}{file.bytes / 1e6:6.2f} MB  {file.comparison}", flush=True)

    files = export_generator(model, out, plan, show)
    runtimes = ", ".join(sorted({file.told["runtime"] for file in files}))
    print(f"{len(files)} files written to {out}, compared by {runtimes}; export.json has the details")


@app.command()
def info(
    model: Path = typer.Argument(..., help="Weights, state or run folder; SavedModel, .tflite or .onnx."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
):
    """Print what a file of this project says of itself."""
    from animegan3_tf.info import describe_model

    values = describe_model(model)
    if as_json:
        print(json.dumps(values, indent=2, default=str))
        return
    width = max(map(len, values)) + 2
    for key, value in values.items():
        print(f"{key:{width}}{value}")


@app.command("import")
def import_(
    architecture: str = typer.Argument(..., metavar="ARCH", help="animegan1, animegan2 or animegan3."),
    checkpoint: Path = typer.Argument(..., help="TensorFlow 1 checkpoint prefix, its folder, or a frozen .pb."),
    out: Path = typer.Option(..., "-o", "--out", help="Weights file (.h5) to write."),
    batch_norm: str = typer.Option(
        "inference", help="animegan3's: what its authors' inference graph computes, or the trained one."
    ),
):
    """Convert a generator that the AnimeGAN authors published to a weights file, for stylize, export and --init."""
    from animegan3_tf.lineage import import_generator

    print(f"{out}: {architecture}, {import_generator(architecture, checkpoint, out, batch_norm):,} parameters")


app.command()(evaluate)


@app.command()
def demo(out: Path = typer.Option(Path("runs/demo"), help="Folder for the data, the run and the picture.")):
    """Train for a minute on bundled pictures, stylise the photos, and show them side by side."""
    from animegan3_tf.demo import run_demo

    print(run_demo(out, show=lambda line: print(line, flush=True)))


def _print_line(line):
    print(line, flush=True)


def _prepare(style, photos, anime, jobs, max_pixels):
    """Shows what becomes of each target; returns the report."""
    from animegan3_tf.data.colors import record_colors
    from animegan3_tf.data.prepare import prepare
    from animegan3_tf.data.shard_folder import is_shard_folder
    from animegan3_tf.data.targets import style_targets
    from animegan3_tf.progress import progress

    for what, folder in (("photos", photos), ("anime", anime)):
        if is_shard_folder(folder):  # made, measured and balanced already
            continue
        with progress(f"measuring {what}") as advance:
            colors = record_colors(folder, advance, max_pixels)
        mean = " ".join(f"{level:.0f}" for level in colors["mean"])
        print(f"{what}: brightness {colors['brightness']:.0f}, mean colour {mean} over {colors['pictures']:,} pictures")
    stages = [stage for stage in style_targets(style, photos, anime) if not is_shard_folder(stage.source)]
    with progress("preparing") as advance:
        report = prepare(stages, jobs, advance, max_pixels=max_pixels)
    return _told(report, "targets")


def _prepare_shards(style, photos, anime, shards, shard_pictures, jobs, runner, beam_options, max_pixels):
    """Shows what becomes of each picture; returns the report."""
    from animegan3_tf.data.shards import on_this_machine, prepare_shards, style_shards
    from animegan3_tf.progress import progress

    if runner is None:
        engine = on_this_machine(jobs)
    else:
        from animegan3_tf.data.beam import on_beam

        engine = on_beam(runner, beam_options)
    with progress("preparing") as advance:
        folders = style_shards(style, photos, anime, shards)
        report = prepare_shards(folders, engine, shard_pictures, advance, max_pixels)
    return _told(report, "pictures")


def _told(report, what):
    """Prints a report, and returns it."""
    for reason in report.rejected.values():
        print(f"animegan3: {reason}", file=sys.stderr)
    print(f"{report.written:,} {what} written, {report.current:,} current, {len(report.rejected):,} pictures rejected")
    return report


def _folders(data, style, photos, anime):
    """The photo and anime folders, or one line on what is missing and how to get it."""
    photos = photos or data / "photo"
    anime = anime or data / style.name / "style"
    for folder, option, what in ((photos, "--photos", "photos"), (anime, "--anime", f"{style.name} pictures")):
        if not folder.is_dir():
            raise UserError(f"{what} are missing: {str(folder)!r} is not a folder; put them there or give {option} DIR")
    return photos, anime


def _recipe(style, settings, options):
    """The style with --set and the options that were given."""
    from animegan3_tf.styles import load_style, override

    given = {key: value for key, value in options.items() if value is not None}
    return override(load_style(style), {**dict(_assignment(text) for text in settings), **given})


def _assignment(text):
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text!r} has no '='; write --set key=value, such as --set loss.identity=1.0")
    return key.strip(), value.strip()


def _listed(text):
    """The words of a list with commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _integer(option, text):
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a number; write it as {option} 256,512") from None


def _draws(stream):
    """Whether a person's terminal is there that can draw over what it shows."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown")


def _shipped():
    from animegan3_tf.stylizer import newest_shipped_checkpoint

    path = newest_shipped_checkpoint()
    if path is None:
        raise UserError(
            "no checkpoint is shipped with this version; train one and name its run folder with --model (make: MODEL=)"
        )
    return path
