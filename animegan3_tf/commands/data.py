"""The commands on training data: faces, prepare, inspect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import ANIME, IMAGE_SIZE, MAX_PIXELS, PHOTOS, STYLE, folders_of, recipe_of
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from animegan3_tf.data.face_align import Detector
    from animegan3_tf.data.prepare import PrepareReport
    from animegan3_tf.data.shards import ShardReport
    from animegan3_tf.data.targets import Stage
    from animegan3_tf.styles import Style


def faces_command(
    source: Path = typer.Argument(..., metavar="SRC", help="Folder of photos, with those below it, or one photo."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the crops, faces.json and rejected.json."),
    size: int = typer.Option(256, help="Side of the crops in pixels."),
    margin: Optional[float] = typer.Option(
        None, help="Margin on each side of a face, as a share of its size; 0.12 by default, 0 with --center."
    ),
    min_size: int = typer.Option(64, help="Leave out smaller faces, in pixels of the photo."),
    min_confidence: float = typer.Option(0.9, help="Leave out faces that the detector is less sure of, 0 to 1."),
    duplicates: int = typer.Option(
        50, help="Leave out a crop whose hash differs from an earlier one's in so few of 256 bits; -1 keeps all."
    ),
    letterbox: bool = typer.Option(False, "--letterbox", help="Keep photos without a face whole, between bars."),
    boxes: Optional[Path] = typer.Option(
        None,
        help="Take the faces from this file instead of MTCNN: JSON, or CSV with the columns file,left,top,right,bottom",
    ),
    center: bool = typer.Option(False, "--center", help="Take the middle square of every photo instead of its faces."),
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Cut faces out of photos: square, with level eyes, all of one size.

    The exit status is 1 when a photo cannot be read.

    Example: animegan3 faces photos -o data/photo
    """
    if boxes is not None and center:
        raise UserError("--boxes and --center exclude each other; leave one of them out")
    from animegan3_tf.common.console import progress
    from animegan3_tf.data.face_detector import CenterCrop, GivenBoxes, MtcnnDetector
    from animegan3_tf.data.faces import CropSettings, crop_faces

    margin = (0.0 if center else 0.12) if margin is None else margin
    settings = CropSettings(size, margin, min_size, min_confidence, duplicates, letterbox)
    detector: Detector = GivenBoxes(boxes) if boxes is not None else CenterCrop() if center else MtcnnDetector(min_size)
    with progress("cropping faces") as advance:
        report = crop_faces(source, out, detector, settings, max_pixels, advance)
    print_problems(*(reason for _, reason in report.failed))
    say(f"{report.written:,} faces written to {out}, {report.current:,} photos current")
    for kind, count in sorted(report.rejected.items()):
        say(f"{kind}: {count:,} photos")
    if report.rejected:
        say(f"reasons: {out / 'rejected.json'}")
    if report.failed:
        raise typer.Exit(1)


def prepare_command(
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/"),
    style: str = STYLE,
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    image_size: Optional[int] = IMAGE_SIZE,
    balance: Optional[str] = typer.Option(
        None, help="Balance the anime images' colours: none, mean or equalize. For train: --set data.balance=mean"
    ),
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    jobs: int = typer.Option(
        os.cpu_count() or 1, help="Number of processes; with --runner, Beam's options decide.", min=1, metavar="<int>"
    ),
    max_pixels: int = MAX_PIXELS,
    shards: Optional[Path] = typer.Option(
        None,
        help="Write TFRecord shards into this folder, which train takes as --data, and nothing beside the originals.",
    ),
    shard_images: int = typer.Option(
        128, "--shard-pictures", help="Number of images in a shard.", min=1, metavar="<int>"
    ),
    runner: Optional[str] = typer.Option(
        None,
        help="Write the shards with Apache Beam: DirectRunner, FlinkRunner or DataflowRunner; needs the extra beam.",
    ),
    beam_options: str = typer.Option(
        "", help="Options for Beam in one text, such as '--flink_master=host:8081 --parallelism=8'"
    ),
) -> None:
    """Precompute the training targets: superpixels and L0 smoothing of the photos, edge-smoothed anime.

    The exit status is 1 when an image cannot be read.

    Example: animegan3 prepare --data data --style shinkai
    """
    recipe = recipe_of(style, settings, {"data.image_size": image_size, "data.balance": balance})
    if shards is None and runner is not None:
        raise UserError("--runner is for --shards; leave it out, or add --shards DIR")
    if runner is None and beam_options:
        raise UserError("--beam-options are for --runner; leave them out, or add --runner DirectRunner")
    photos, anime = folders_of(data, recipe, photos, anime)
    report: PrepareReport | ShardReport
    if shards is None:
        report = prepare_targets(recipe, photos, anime, jobs, max_pixels)
    else:
        from animegan3_tf.common.console import progress
        from animegan3_tf.data.shards import on_this_machine, prepare_shards, style_shards

        if runner is None:
            engine = on_this_machine(jobs)
        else:
            from animegan3_tf.data.beam import on_beam

            engine = on_beam(runner, beam_options)
        with progress("preparing") as advance:
            folders: dict[Path, Sequence[Stage]] = dict(style_shards(recipe, photos, anime, shards))
            report = prepare_shards(folders, engine, shard_images, advance, max_pixels)
        _print_report(report, "images")
    if report.rejected:
        raise typer.Exit(1)


def inspect_command(
    data: Path = typer.Argument(Path("data"), help="Folder with photo/ and <style>/style/"),
    style: str = STYLE,
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    page: Path = typer.Option(Path("inspect.html"), help="Report to write, one file that holds its images."),
    as_json: Optional[Path] = typer.Option(None, "--json", help="Write the results to this file as JSON, too."),
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Report on photos and anime images before training: sizes, colours, duplicates, bad files, warnings.

    Example: animegan3 inspect data --style shinkai
    """
    recipe = recipe_of(style, settings, {})
    photos, anime = folders_of(data, recipe, photos, anime)
    from rich.console import Console

    from animegan3_tf.common.console import progress
    from animegan3_tf.inspection.inspect import inspect
    from animegan3_tf.reports.data import print_inspection, write_inspection_page

    with progress("inspecting") as advance:
        inspection = inspect(recipe, photos, anime, advance, max_pixels)
    print_inspection(inspection, Console())
    write_inspection_page(inspection, page, max_pixels)
    say(f"report: {page}")
    if as_json is not None:
        inspection.write_json(as_json)


def prepare_targets(style: Style, photos: Path, anime: Path, jobs: int, max_pixels: int) -> PrepareReport:
    """Precomputes a style's targets with progress bars, and prints the colours and the outcome.

    Args:
        style: An unpaired style.
        photos: Folder of the photos, or of shards.
        anime: Folder of the anime images, or of shards.
        jobs: Number of processes.
        max_pixels: Images with more pixels are rejected.
    """
    from animegan3_tf.common.console import progress
    from animegan3_tf.data.colors import record_colors
    from animegan3_tf.data.prepare import prepare
    from animegan3_tf.data.shard_folder import is_shard_folder
    from animegan3_tf.data.targets import style_targets

    for what, folder in (("photos", photos), ("anime", anime)):
        if is_shard_folder(folder):  # measured and balanced when the shards were written
            continue
        with progress(f"measuring {what}") as advance:
            colors = record_colors(folder, advance, max_pixels)
        mean = " ".join(f"{level:.0f}" for level in colors["mean"])
        say(f"{what}: brightness {colors['brightness']:.0f}, mean colour {mean} over {colors['pictures']:,} images")
    stages = [stage for stage in style_targets(style, photos, anime) if not is_shard_folder(stage.source)]
    with progress("preparing") as advance:
        report = prepare(stages, jobs, advance, max_pixels=max_pixels)
    _print_report(report, "targets")
    return report


def _print_report(report: PrepareReport | ShardReport, what: str) -> None:
    """Prints the reasons of what was rejected, and the counts of `what`."""
    print_problems(*report.rejected.values())
    say(f"{report.written:,} {what} written, {report.current:,} current, {len(report.rejected):,} images rejected")
