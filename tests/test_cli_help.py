"""The help of every command: nothing is cut on a terminal of 80 columns, and its example parses."""

import shlex

import pytest
import typer

from animegan3_tf.cli import app

ROOT = typer.main.get_command(app)


def commands(group=ROOT, path=()):
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


FOUND = dict(commands())


@pytest.fixture(params=FOUND, ids=lambda path: "-".join(path) or "animegan3")
def path(request):
    return request.param


def test_nothing_is_cut(path, call, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = call(*path, "--help")
    assert status == 0
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_example_parses(path):
    """As the shell and the command line take it; nothing is run."""
    example = FOUND[path].help.strip().splitlines()[-1]
    assert example.startswith("Example: animegan3 ")
    words, group = shlex.split(example)[2:], ROOT
    while hasattr(group, "commands"):
        name, words = words[0], words[1:]
        group = group.commands[name]
    assert group.make_context(group.name, words).params


def test_help_texts_begin_with_a_verb_or_a_noun(path):
    for parameter in FOUND[path].params:
        text = getattr(parameter, "help", None)
        assert text
        assert text.split()[0] not in ("Of", "In", "With", "At", "Their")
