"""The commands that make pairs for training: pairs, distill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import MAX_PIXELS, TRUST
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from animegan3_tf.data.pairs import PairsReport


def pairs_command(
    photos: Optional[list[Path]] = typer.Argument(None, help="Photos, and folders of photos with those below them."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for photo/, anime/, manifest.json and pairs.html."),
    teacher: list[str] = typer.Option(
        [],
        help="Model that draws, as stylize takes it; may be given again: each redraws the results of the one before.",
    ),
    keep_colors: str = typer.Option("region", help="Give the drawings the photos' colours (region), or not (none)."),
    size: int = typer.Option(384, help="Side of a pair's images in pixels."),
    teacher_size: int = typer.Option(512, help="Side at which the teacher draws, in pixels."),
    faces: bool = typer.Option(True, "--faces/--no-faces", help="Cut faces out, or take whole photos (landscapes)."),
    checks: bool = typer.Option(True, "--checks/--no-checks", help="Leave out drawings that lost an eye."),
    min_face: int = typer.Option(64, help="Leave out smaller faces, in pixels of the photo."),
    jobs: int = typer.Option(
        os.cpu_count() or 1, help="Number of processes that colour and check drawings.", min=1, metavar="<int>"
    ),
    review: Optional[Path] = typer.Option(
        None, help="Remove the pairs that were crossed off on pairs.html, which saves this file."
    ),
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
) -> None:
    """Make pairs of photo and drawing for training: a teacher draws the photos, whose colours are then restored.

    The exit status is 1 when a photo cannot be read.

    Example: animegan3 pairs photos -o pairs --teacher AnimeGANv3_JP_face_v1.0.onnx
    """
    if not photos and review is None:
        raise UserError("no photos given; name photos or folders, or --review FILE alone")
    if photos and not teacher:
        raise UserError("no teacher given; name a model with --teacher, such as a published AnimeGANv3 file")
    if review is not None:
        from animegan3_tf.data.pairs import cross_off
        from animegan3_tf.reports.data import write_pair_page

        say(f"{cross_off(out, review, write_pair_page):,} pairs removed by {review}")
    if photos:
        settings = {"keep_colors": keep_colors, "size": size, "teacher_size": teacher_size}
        settings |= {"faces": faces, "checks": checks, "min_face": min_face}
        report = make_pairs_and_report(photos, out, teacher, jobs, max_pixels, **settings)
        if report.unreadable:
            raise typer.Exit(1)


def make_pairs_and_report(
    photos: Sequence[Path], out: Path, teachers: Sequence[str], jobs: int, max_pixels: int, **settings: Any
) -> PairsReport:
    """Makes pairs with a progress bar, and prints the outcome.

    Args:
        photos: Photos and folders of photos.
        out: Folder of the pairs.
        teachers: Models by path or name; each redraws the result of the one before.
        jobs: Number of processes.
        max_pixels: Photos with more pixels are refused.
        **settings: Values of `PairMakingSettings`, which are of many types.

    Raises:
        UserError: A model or setting does not fit, or no pair was made.
    """
    from animegan3_tf.common.console import progress
    from animegan3_tf.data.face_detector import MtcnnDetector
    from animegan3_tf.data.pairs import REJECTED, PairMakingSettings, make_pairs
    from animegan3_tf.reports.data import PAIRS_PAGE, write_pair_page
    from animegan3_tf.stylizer.files import collect_photos
    from animegan3_tf.stylizer.model import ModelTeacher

    chosen = PairMakingSettings(**settings)
    found, unlisted = collect_photos(photos, out)
    loaded = [ModelTeacher(model) for model in teachers]
    detector = MtcnnDetector(chosen.min_face) if chosen.faces else None
    with progress("drawing pairs") as advance:
        report = make_pairs(list(found), out, loaded, detector, chosen, jobs, max_pixels, advance, write_pair_page)
    report.unreadable += [error for _, error in unlisted]
    print_problems(*report.unreadable)
    for kind, count in report.rejected.most_common():
        say(f"{kind}: {count:,}")
    rejected = sum(report.rejected.values())
    say(f"{report.written:,} pairs written, {report.pairs:,} in {out}; {report.current:,} photos were done before")
    say(f"{rejected:,} photos and faces gave no pair; reasons: {out / REJECTED}")
    if not report.pairs:
        raise UserError(f"no pair was made from {len(found):,} photos; {out / REJECTED} has the reasons")
    say(f"review the pairs, the most doubtful first: {out / PAIRS_PAGE}")
    return report


def distill_command(
    teacher: list[str] = typer.Option(
        ...,
        help="Model that draws, as stylize takes it; may be given again: each redraws the results of the one before.",
    ),
    photos: list[Path] = typer.Option(
        ..., help="A photo, or a folder of photos with those below it; may be given again."
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Run folder; its folder pairs/ holds the pairs."),
    style: str = typer.Option("portrait", help="Style that learns from pairs: a name or a .toml file."),
    perceptual: str = typer.Option("vgg19", help="Network of the feature losses, as for train."),
    steps: Optional[int] = typer.Option(None, help="Number of training steps; the style's epochs by default."),
    init: Optional[Path] = typer.Option(None, help="Begin with the weights of a run folder or a weights file (.h5)."),
    keep_colors: str = typer.Option("region", help="Give the drawings the photos' colours (region), or not (none)."),
    faces: bool = typer.Option(True, "--faces/--no-faces", help="Cut faces out, or take whole photos (landscapes)."),
    checks: bool = typer.Option(True, "--checks/--no-checks", help="Leave out drawings that lost an eye."),
    size: int = typer.Option(384, help="Side of a pair's images in pixels."),
    teacher_size: int = typer.Option(512, help="Side at which the teacher draws, in pixels."),
    jobs: int = typer.Option(
        os.cpu_count() or 1, help="Number of processes that colour and check drawings.", min=1, metavar="<int>"
    ),
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
) -> None:
    """Train the phone-sized generator to draw like another model: make pairs, then train on them.

    The same command goes on where it stopped.

    Example: animegan3 distill --teacher AnimeGANv3_JP_face_v1.0.onnx --photos photos -o runs/mine
    """
    from animegan3_tf.commands.training import pairs_configuration, start_run
    from animegan3_tf.models.perceptual import read_perceptual
    from animegan3_tf.training.run_files import states
    from animegan3_tf.training.run_folder import read_stored

    folder = out / "pairs"
    read_perceptual(perceptual)  # a missing or damaged file is reported now, not after hours of drawing
    settings = {"keep_colors": keep_colors, "size": size, "teacher_size": teacher_size}
    make_pairs_and_report(photos, folder, teacher, jobs, max_pixels, **settings, faces=faces, checks=checks)
    if states(out):
        start_run(read_stored(out, print_problems), out, resume=True)
    else:
        start_run(pairs_configuration(style, folder, perceptual, steps, init), out)
