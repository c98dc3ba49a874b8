"""The `animegan3 study` commands: build a blind user study, serve it, score its answers."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.errors import UserError

study = typer.Typer(
    help="A blind user study of any methods: build its page, serve it, score the answers.", no_args_is_help=True
)


@study.command()
def build(
    photos: Path = typer.Option(..., help="Folder of the photos."),
    methods: list[str] = typer.Option(
        ..., "--method", metavar="NAME=DIR", help="A method and the folder of its pictures, named like the photos."
    ),
    out: Path = typer.Option(..., "-o", "--out", help="The page, such as study.html; the key is written beside it."),
    kind: str = typer.Option("pairwise", help="pairwise, or ranking (of all methods at once)."),
    questions: str = typer.Option("overall", help="Some of overall,style,content."),
    items: Optional[int] = typer.Option(None, help="Trials of a rater; 24 (whole rounds of the pairs) or 12 rankings."),
    repeats: Optional[int] = typer.Option(None, help="How many of these come twice, for consistency; 3 by default."),
    seed: Optional[int] = typer.Option(None, help="Of codes and design; drawn by default, and kept in the key."),
    side: int = typer.Option(512, help="Longest side of the pictures in the page, in pixels."),
    post: Optional[str] = typer.Option(
        None, help="Send answers there: http://host:8000/answers, or answers for the server the page comes from."
    ),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an earlier page and its key."),
    max_pixels: int = typer.Option(100_000_000, help="Refuse pictures with more pixels than this.", min=256),
):
    """Build one self-contained page on which people compare methods without knowing which is which."""
    from animegan3_tf.evaluation.study.build import build_study
    from animegan3_tf.evaluation.study.page import LARGE
    from animegan3_tf.progress import progress

    seed = secrets.randbits(63) if seed is None else seed
    asked = tuple(question.strip() for question in questions.split(","))
    with progress("embedding") as advance:
        built = build_study(
            photos,
            _folders(methods),
            out,
            seed,
            kind,
            asked,
            items,
            repeats,
            side,
            post,
            overwrite,
            max_pixels,
            advance,
        )
    made = built.study
    print(f"page: {built.page}, {built.bytes / 1e6:.1f} MB; trials: {len(made.trials):,}, blocks: {made.blocks:,}")
    print(f"a rater gives {(made.items + made.repeats) * len(made.questions):,} answers, {made.repeats} items twice")
    print(f"key: {built.key}; keep it to yourself until the answers are in")
    if built.bytes > LARGE:
        print(
            f"animegan3: the page is {built.bytes / 1e6:.0f} MB, slow on phones; fewer photos or a smaller --side help",
            file=sys.stderr,
        )


@study.command()
def serve(
    page: Path = typer.Argument(..., metavar="STUDY", help="The page that `study build` wrote."),
    out: Path = typer.Option(..., help="Folder for the answers, one file a rater."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0 lets the whole network in."),
    port: int = typer.Option(8000, help="Port to listen on.", min=0, max=65535),
):
    """Serve a study's page and keep the answers that it sends; block after block, so that all are answered alike."""
    from animegan3_tf.evaluation.study.page import read_study
    from animegan3_tf.evaluation.study.serve import serve as run

    if read_study(page)[0].post is None:
        print(
            "animegan3: this page saves files only; to have answers sent, build it with --post answers", file=sys.stderr
        )
    run(page, out, host, port, show=lambda line: print(line, flush=True))


@study.command()
def score(
    page: Path = typer.Argument(..., metavar="STUDY", help="The page, with its key beside it, or the key."),
    answers: list[Path] = typer.Argument(..., help="Answer files, and folders of them."),
    out: Path = typer.Option(
        ..., "-o", "--out", help="Folder for report.html, report.json, report.csv and report.tex."
    ),
):
    """Score answers: preference rates, Bradley-Terry scores, agreement and consistency. Bad files are left out."""
    from rich.console import Console

    from animegan3_tf.evaluation.study.key import Key
    from animegan3_tf.evaluation.study.report import write_report
    from animegan3_tf.evaluation.study.score import score_files
    from animegan3_tf.evaluation.study.tables import print_scores
    from animegan3_tf.images import quote

    scores = score_files(Key.read(page), answers)
    for path, reason in scores.rejected.items():
        print(f"animegan3: {quote(path)} {reason}; left out", file=sys.stderr)
    print_scores(scores, Console())
    print(f"report: {write_report(scores, out)}")


def _folders(methods):
    """{name: folder} of NAME=DIR; raises UserError."""
    folders = {}
    for text in methods:
        name, equals, folder = text.partition("=")
        name = name.strip()
        if not (equals and name and folder):
            raise UserError(f"--method {text!r} is not NAME=DIR; write --method v3=out/v3")
        if name in folders:
            raise UserError(f"--method {name!r} is given twice; name each method once")
        folders[name] = Path(folder)
    return folders
