"""The commands on pictures: faces, prepare, inspect."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands.options import (
    ANIME,
    IMAGE_SIZE,
    MAX_PIXELS,
    PHOTOS,
    STYLE,
    folders_of,
    recipe_of,
)
from animegan3_tf.errors import UserError


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
    max_pixels: int = MAX_PIXELS,
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


def prepare(
    data: Path = typer.Option(Path("data"), help="Folder with photo/ and <style>/style/."),
    style: str = STYLE,
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    image_size: Optional[int] = IMAGE_SIZE,
    balance: Optional[str] = typer.Option(
        None, help="none, mean or equalize: the anime pictures' colours (for train: --set data.balance=...)."
    ),
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    jobs: int = typer.Option(os.cpu_count() or 1, help="Processes; with --runner, what Beam's options say.", min=1),
    max_pixels: int = MAX_PIXELS,
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
    recipe = recipe_of(style, settings, {"data.image_size": image_size, "data.balance": balance})
    if shards is None and runner is not None:
        raise UserError("--runner is for --shards; leave it out, or add --shards DIR")
    if runner is None and beam_options:
        raise UserError("--beam-options are for --runner; leave them out, or add --runner DirectRunner")
    photos, anime = folders_of(data, recipe, photos, anime)
    if shards is None:
        report = prepare_targets(recipe, photos, anime, jobs, max_pixels)
    else:
        report = _prepare_shards(recipe, photos, anime, shards, shard_pictures, jobs, runner, beam_options, max_pixels)
    if report.rejected:
        raise typer.Exit(1)


def inspect(
    data: Path = typer.Argument(Path("data"), help="Folder with photo/ and <style>/style/."),
    style: str = STYLE,
    photos: Optional[Path] = PHOTOS,
    anime: Optional[Path] = ANIME,
    settings: list[str] = typer.Option([], "--set", help="Replace a value of the style, as in train."),
    page: Path = typer.Option(Path("inspect.html"), help="The report, one file with its pictures."),
    as_json: Optional[Path] = typer.Option(None, "--json", help="Write everything found to this file too."),
    max_pixels: int = MAX_PIXELS,
):
    """Report on photos and anime pictures before training: sizes, colours, duplicates, bad files, warnings."""
    recipe = recipe_of(style, settings, {})
    photos, anime = folders_of(data, recipe, photos, anime)
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


def prepare_targets(style, photos, anime, jobs, max_pixels):
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
