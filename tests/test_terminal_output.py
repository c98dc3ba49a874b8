"""What is printed about files whose names and contents were made to act on the terminal."""

import json
import os
import sys

import pytest
from helpers.studies import make_answers
from PIL import Image

from animegan3_tf.common.console import say
from animegan3_tf.common.errors import printable
from animegan3_tf.study.build import Key

EVIL = "a\x1b]0;title\x07\x1b[2Jb\nanimegan3: all is well\r\u202e\x9b1m"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="files cannot have such names there")


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("caf\u00e9 \u30a2\u30cb\u30e1 \\ 'x' [b]", "caf\u00e9 \u30a2\u30cb\u30e1 \\ 'x' [b]"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("one\ntwo\ttab\r\x00\x7f\x9b", r"one\ntwo\ttab\r\x00\x7f\x9b"),
        ("\u202eright to left\u2028", r"\u202eright to left\u2028"),
        (os.fsdecode(b"caf\xe9"), r"caf\udce9"),
    ],
)
def test_printable(text, printed, capsys):
    assert printable(text) == printed
    say(text)
    say(text, "next", error=True)
    assert capsys.readouterr() == (f"{printed}\n", f"{printed}\nnext\n")


@pytest.fixture
def told(call):
    """Runs the command and checks every character of what it prints: (exit status, stdout, stderr)."""

    def run(*arguments):
        status, out, errors = call(*arguments)
        assert [c for c in out + errors if not (c.isprintable() or c == "\n")] == []
        assert not [line for line in (out + errors).splitlines() if line.startswith("animegan3: all is well")]
        return status, out, errors

    return run


def test_studies(told, tmp_path):
    place = tmp_path / EVIL
    for number, name in enumerate(("photos", "x", "y")):
        (place / name).mkdir(parents=True)
        Image.new("RGB", (48, 40), (60 * number, 90, 90)).save(place / name / f"{EVIL}.png")
    methods = f"--method={EVIL}={place / 'x'}", f"--method=[b]y={place / 'y'}"
    page = place / f"{EVIL}.html"
    assert told("study", "build", "--photos", place / "photos", *methods, "-o", page)[0] == 0
    assert told("study", "build", "--photos", place / "photos", *methods, "-o", page)[0] == 1  # it is there
    (place / "y" / f"{EVIL}.png").unlink()
    assert told("study", "build", "--photos", place / "photos", *methods, "-o", tmp_path / "s.html")[0] == 1
    answers = make_answers(Key.read(page), 1, 0, lambda _, codes: codes[0])
    for name, values in ((f"{EVIL}.json", answers), ("other.json", {**answers, "study": EVIL, EVIL: 1})):
        (place / name).write_text(json.dumps(values))
    status, out, errors = told("study", "score", page, place / f"{EVIL}.json", place / "other.json", "-o", place / "r")
    assert status == 0
    assert r"a\x1b]0;title" in out
    assert "[b]y" in out
    assert errors.count("\n") == 1


def test_reports_on_data_and_runs(told, tmp_path):
    place = tmp_path / EVIL
    for name in ("photos", "anime"):
        (place / name).mkdir(parents=True)
        (place / name / f"{EVIL}.png").write_text("no picture")
        Image.new("L", (40, 300)).save(place / name / f"grey {EVIL}.png")
    pictures = "--photos", place / "photos", "--anime", place / "anime"
    status, out, _ = told("inspect", *pictures, "--page", place / "page.html")
    assert status == 0
    assert r"report: " in out
    run = place / f"run {EVIL}"
    run.mkdir()
    for name in ("config", "status"):
        values = {"style": {"name": EVIL}, "state": EVIL, "step": 1, "message": EVIL}
        (run / f"{name}.json").write_text(json.dumps(values))
    assert r"all is well" in told("runs", place)[1]
    assert told("runs", place, "--json")[0] == 0
    assert told("runs", place / "photos")[0] == 0


@pytest.mark.slow  # TensorFlow is loaded
@pytest.mark.parametrize("command", ["info", "export", "stylize"])
def test_files_that_are_not_there_or_no_models(told, tmp_path, command):
    options = ("-o", tmp_path / "out") * (command != "info")
    assert told(command, tmp_path / EVIL, *options)[0] == 1
    for suffix in (".h5", ".onnx", ".tflite", ".toml", ".png"):
        path = tmp_path / f"{EVIL}{suffix}"
        path.write_text(EVIL)
        status, _, errors = told(command, path, *options)
        assert status == 1
        assert errors
