"""The `animegan3` command."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from animegan3_tf import __version__
from animegan3_tf.commands import data, models, print_problems, training
from animegan3_tf.commands.compare import compare_command
from animegan3_tf.commands.evaluate import evaluate_command
from animegan3_tf.commands.networks import networks
from animegan3_tf.commands.pairs import distill_command, pairs_command
from animegan3_tf.commands.study import study
from animegan3_tf.common.console import print_warnings, quiet_tensorflow, say
from animegan3_tf.common.errors import UserError

INTERRUPTED = 130  # the exit status of a shell's job that Ctrl-C ended


class _Interrupted(Exception):
    """Ctrl-C, with what the command says about it; as a KeyboardInterrupt, click would say `Aborted` instead."""


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise _Interrupted(str(interrupt) or "stopped") from None


class _Commands(TyperGroup):
    """The commands, of which Ctrl-C ends every one in the same way."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Reads the command line."""
        with _interruptible():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        with _interruptible():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Turn photos into anime with AnimeGANv3: prepare data, train a style, stylise photos, export generators.\n\n"
    "Example: animegan3 stylize photos -o anime",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Runs the command line; a UserError becomes one line on stderr and exit status 1, Ctrl-C one and status 130."""
    quiet_tensorflow()
    print_warnings()
    try:
        app()
    except UserError as error:
        print_problems(str(error))
        sys.exit(1)
    except _Interrupted as error:
        print_problems(str(error))
        sys.exit(INTERRUPTED)


@app.callback(invoke_without_command=True)
def _version(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        say(f"animegan3_tf {__version__}")
        raise typer.Exit


for name, command in (
    ("faces", data.faces_command),
    ("prepare", data.prepare_command),
    ("inspect", data.inspect_command),
    ("pairs", pairs_command),
    ("train", training.train_command),
    ("distill", distill_command),
    ("runs", training.runs_command),
    ("stylize", models.stylize_command),
    ("models", models.models_command),
    ("export", models.export_command),
    ("info", models.info_command),
    ("import", models.import_command),
    ("compare", compare_command),
    ("evaluate", evaluate_command),
    ("demo", training.demo_command),
):
    app.command(name)(command)
app.add_typer(networks, name="networks")
app.add_typer(study, name="study")
