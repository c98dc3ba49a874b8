"""The `animegan3 study` commands: build a blind user study, serve it, score its answers."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import MAX_PIXELS
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError

study = typer.Typer(
    help="Run a blind user study of any methods: build its page, serve it, score the answers.\n\n"
    "Example: animegan3 study build --photos photos --method a=out/a --method b=out/b -o study.html",
    no_args_is_help=True,
)


@study.command("build")
def build_command(
    photos: Path = typer.Option(..., help="Folder of the photos."),
    methods: list[str] = typer.Option(
        ...,
        "--method",
        metavar="NAME=DIR",
        help="Name of a method and the folder of its images, which have the photos' names; may be given again.",
    ),
    out: Path = typer.Option(
        ..., "-o", "--out", help="Page to write, such as study.html; the key is written beside it."
    ),
    kind: str = typer.Option("pairwise", help="Ask for pairs (pairwise) or for an order of all methods (ranking)."),
    questions: str = typer.Option("overall", help="Questions: overall, style, content, joined by commas."),
    items: Optional[int] = typer.Option(
        None, help="Number of trials of a rater; by default 24 pairs (in whole rounds) or 12 rankings."
    ),
    repeats: Optional[int] = typer.Option(
        None, help="Number of trials that come twice, to measure consistency; 3 by default."
    ),
    seed: Optional[int] = typer.Option(
        None, help="Seed of the codes and the design; random by default, and kept in the key."
    ),
    side: int = typer.Option(512, help="Longest side of the images in the page, in pixels."),
    post: Optional[str] = typer.Option(
        None,
        help="Address that answers are sent to, such as http://host:8000/answers; give answers for the server that the "
        "page comes from.",
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier page and its key."),
    max_pixels: int = MAX_PIXELS,
) -> None:
    """Build one self-contained page on which people compare methods without knowing which is which.

    Example: animegan3 study build --photos photos --method a=out/a --method b=out/b -o study.html
    """
    from animegan3_tf.common.console import progress
    from animegan3_tf.study.build import LARGE, build_study

    seed = secrets.randbits(63) if seed is None else seed
    folders, asked = _folders(methods), tuple(question.strip() for question in questions.split(","))
    with progress("embedding") as advance:
        built = build_study(
            photos, folders, out, seed, kind, asked, items, repeats, side, post, overwrite, max_pixels, advance
        )
    made = built.study
    say(f"page: {built.page}, {built.bytes / 1e6:.1f} MB; trials: {len(made.trials):,}, blocks: {made.blocks:,}")
    say(f"a rater gives {(made.items + made.repeats) * len(made.questions):,} answers, {made.repeats} items twice")
    say(f"key: {built.key}; keep it to yourself until the answers are in")
    if built.bytes > LARGE:
        size = f"{built.bytes / 1e6:.0f} MB"
        print_problems(f"the page is {size}, slow on phones; fewer photos or a smaller --side help")


@study.command("serve")
def serve_command(
    page: Path = typer.Argument(..., metavar="STUDY", help="The page that `study build` wrote."),
    out: Path = typer.Option(..., help="Folder for the answers, one file for each rater."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0 opens it to the whole network."),
    port: int = typer.Option(8000, help="Port to listen on.", min=0, max=65535, metavar="<int>"),
    allow_origin: list[str] = typer.Option(
        [],
        help="Take answers also from a page at this origin, such as https://example.org (a proxy's address, too); null "
        "for pages opened as files. May be given again.",
    ),
) -> None:
    """Serve a study's page and keep the answers that it sends.

    Raters get the blocks of trials in turn, so that all blocks are answered equally often.

    Example: animegan3 study serve study.html --out answers
    """
    from animegan3_tf.study.build import read_study
    from animegan3_tf.study.serve import serve

    post = read_study(page)[0].post
    if post is None:
        print_problems("this page saves files only; for it to send answers, build it with --post answers")
    elif post.startswith("http") and not allow_origin:
        print_problems("pages that raters open as files cannot send answers here without --allow-origin null")
    serve(page, out, host, port, say, allow_origin)


@study.command("score")
def score_command(
    page: Path = typer.Argument(..., metavar="STUDY", help="The page, which has its key beside it, or the key."),
    answers: list[Path] = typer.Argument(..., help="Files of answers, and folders of them."),
    out: Path = typer.Option(
        ..., "-o", "--out", help="Folder for report.html, report.json, report.csv and report.tex."
    ),
) -> None:
    """Score answers: preference rates, Bradley-Terry scores, agreement and consistency.

    Files that do not belong to the study are reported and left out.

    Example: animegan3 study score study.html answers -o scores
    """
    from rich.console import Console

    from animegan3_tf.common.errors import quote
    from animegan3_tf.reports.study import print_scores, write_study_report
    from animegan3_tf.study.build import Key
    from animegan3_tf.study.score import score_files

    scores = score_files(Key.read(page), answers)
    print_problems(*(f"{quote(path)} {reason}; left out" for path, reason in scores.rejected.items()))
    print_scores(scores, Console())
    say(f"report: {write_study_report(scores, out)}")


def _folders(methods: list[str]) -> dict[str, Path]:
    """Reads texts NAME=DIR into {name: folder}."""
    folders: dict[str, Path] = {}
    for text in methods:
        name, equals, folder = text.partition("=")
        name = name.strip()
        if not (equals and name and folder):
            raise UserError(f"--method {text!r} is not NAME=DIR; write --method v3=out/v3")
        if name in folders:
            raise UserError(f"--method {name!r} is given twice; name each method once")
        folders[name] = Path(folder)
    return folders
