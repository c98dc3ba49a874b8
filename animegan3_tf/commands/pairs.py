"""The command that makes pairs for training: pairs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands.options import MAX_PIXELS
from animegan3_tf.errors import UserError


def pairs(
    photos: Optional[list[Path]] = typer.Argument(None, help="Photos, and folders with those below them."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for photo/, anime/, manifest.json and pairs.html."),
    teacher: list[str] = typer.Option(
        [], help="Model that draws, as stylize takes it; several draw one after the other."
    ),
    keep_colors: str = typer.Option("region", help="Give the drawings the photos' colours (region), or not (none)."),
    size: int = typer.Option(384, help="Side of a pair in pixels."),
    teacher_size: int = typer.Option(512, help="Side at which the teacher draws, in pixels."),
    faces: bool = typer.Option(True, "--faces/--no-faces", help="Cut faces out, or take whole images (landscapes)."),
    checks: bool = typer.Option(True, "--checks/--no-checks", help="Leave out drawings that lost an eye."),
    min_face: int = typer.Option(64, help="Leave out faces that measure less, in pixels of the photo."),
    jobs: int = typer.Option(os.cpu_count() or 1, help="Processes that colour and check the drawings.", min=1),
    review: Optional[Path] = typer.Option(None, help="Remove the pairs crossed off on pairs.html; it saves this file."),
    max_pixels: int = MAX_PIXELS,
):
    """Make pairs of photo and drawing for training: a teacher draws the faces, the photo's colours come back.

    Example: animegan3 pairs photos/ -o pairs --teacher AnimeGANv3_JP_face_v1.0.onnx
    """
    if not photos and review is None:
        raise UserError("no photos given; name photos or folders, or --review FILE alone")
    if photos and not teacher:
        raise UserError("no teacher given; name a model with --teacher, such as a published AnimeGANv3 file")
    if review is not None:
        from animegan3_tf.data.pairs import cross_off

        print(f"{cross_off(out, review):,} pairs removed by {review}")
    if photos:
        settings = {"keep_colors": keep_colors, "size": size, "teacher_size": teacher_size}
        settings |= {"faces": faces, "checks": checks, "min_face": min_face}
        report = make_pairs_told(photos, out, teacher, jobs, max_pixels, **settings)
        if report.unreadable:
            raise typer.Exit(1)


def make_pairs_told(photos, out, teachers, jobs, max_pixels, **settings):
    """Makes pairs with a progress bar and prints what became of the photos.

    Args:
        photos: Photos and folders.
        out: Folder of the pairs.
        teachers: Models by path or name.
        jobs: Processes.
        max_pixels: Largest photo.
        **settings: Those of `PairMakingSettings`.

    Returns:
        The `PairsReport`.

    Raises:
        UserError: Bad input, or not one pair came out.
    """
    from animegan3_tf.data.face_detector import MtcnnDetector
    from animegan3_tf.data.pair_book import REJECTED
    from animegan3_tf.data.pair_page import PAGE
    from animegan3_tf.data.pairs import PairMakingSettings, make_pairs
    from animegan3_tf.data.teacher import ModelTeacher
    from animegan3_tf.progress import progress
    from animegan3_tf.stylize import collect_photos

    settings = PairMakingSettings(**settings)
    found, unlisted = collect_photos(photos, out)
    loaded = [ModelTeacher(model) for model in teachers]
    detector = MtcnnDetector(settings.min_face) if settings.faces else None
    with progress("drawing pairs") as advance:
        report = make_pairs(list(found), out, loaded, detector, settings, jobs, max_pixels, advance)
    report.unreadable += [error for _, error in unlisted]
    for reason in report.unreadable:
        print(f"animegan3: {reason}", file=sys.stderr)
    for kind, count in report.rejected.most_common():
        print(f"{kind}: {count:,}")
    rejected = sum(report.rejected.values())
    print(f"{report.written:,} pairs written, {report.pairs:,} in {out}; {report.current:,} photos were done before")
    print(f"{rejected:,} photos and faces gave none; reasons: {out / REJECTED}")
    if not report.pairs:
        raise UserError(f"no pair came out of {len(found):,} photos; {out / REJECTED} has the reasons")
    print(f"look at them, the most doubtful first: {out / PAGE}")
    return report


def distill(
    teacher: list[str] = typer.Option(..., help="Model that draws, as stylize takes it; several draw in turn."),
    photos: list[Path] = typer.Option(..., help="Photos, or a folder with those below it; may be given again."),
    out: Path = typer.Option(..., "-o", "--out", help="Run folder; the pairs lie in its folder pairs/."),
    style: str = typer.Option("portrait", help="Style that learns from pairs: a name or a .toml file."),
    perceptual: str = typer.Option("vgg19", help="Network of the features that are compared, as for train."),
    steps: Optional[int] = typer.Option(None, help="Training steps; the style's epochs by default."),
    init: Optional[Path] = typer.Option(None, help="Begin with these weights: a run folder or a weights file (.h5)."),
    keep_colors: str = typer.Option("region", help="Give the drawings the photos' colours (region), or not (none)."),
    faces: bool = typer.Option(True, "--faces/--no-faces", help="Cut faces out, or take whole images (landscapes)."),
    checks: bool = typer.Option(True, "--checks/--no-checks", help="Leave out drawings that lost an eye."),
    size: int = typer.Option(384, help="Side of a pair in pixels."),
    teacher_size: int = typer.Option(512, help="Side at which the teacher draws, in pixels."),
    jobs: int = typer.Option(os.cpu_count() or 1, help="Processes that colour and check the drawings.", min=1),
    max_pixels: int = MAX_PIXELS,
):
    """Teach a generator's drawings to the phone-sized one: makes pairs, then trains on them; goes on where it stopped.

    Example: animegan3 distill --teacher AnimeGANv3_JP_face_v1.0.onnx --photos photos/ -o runs/mine
    """
    from animegan3_tf.commands.training import pairs_configuration, start_run
    from animegan3_tf.networks import read_perceptual
    from animegan3_tf.training.run import RunConfiguration
    from animegan3_tf.training.run_files import states

    pairs = out / "pairs"
    read_perceptual(perceptual)  # what would end the run is told before hours of drawing
    settings = {"keep_colors": keep_colors, "size": size, "teacher_size": teacher_size}
    make_pairs_told(photos, pairs, teacher, jobs, max_pixels, **settings, faces=faces, checks=checks)
    if states(out):
        start_run(RunConfiguration.read(out), out, resume=True)
    else:
        start_run(pairs_configuration(style, pairs, perceptual, steps, init), out)
