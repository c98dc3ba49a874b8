import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.run_folders import add_validation, run_folder

import animegan3_tf


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs below runs/: one that failed, one that finished, one that cannot be read."""
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "runs" / "a", "failed", message="step 4: [bold] became NaN")
    terms, validation = {"content": 2.0, "loss": 1.25}, {"anime_likeness_main": 0.0625}
    run_folder(tmp_path / "runs" / "b", terms=terms, validation=validation, grid="samples/000004.png")
    (run_folder(tmp_path / "runs" / "c") / "config.json").write_bytes(b"\xff")
    return tmp_path / "runs"


def test_runs_are_listed(call, runs):
    status, out, errors = call("runs")
    assert (status, errors) == (0, "")
    rows = {line.split()[0]: line.split() for line in out.splitlines()}
    assert rows["runs/a"][:4] == ["runs/a", "tiny", "failed", "4/10"]
    assert rows["runs/b"][:8] == [
        "runs/b", "tiny", "finished", "4/10", "loss", "1.25", "0.062", "runs/b/samples/000004.png",
    ]  # fmt: skip
    assert rows["runs/c"][:3] == ["runs/c", "unreadable", "0/?"]
    assert "runs/a: step 4: [bold] became NaN" in out
    assert "runs/c: 'runs/c/config.json' cannot be read" in out


def test_runs_as_json(call, runs):
    status, out, _ = call("runs", runs, "--json")
    found = json.loads(out)
    assert status == 0
    assert [(run["folder"], run["state"]) for run in found] == [
        (str(runs / "a"), "failed"),
        (str(runs / "b"), "finished"),
        (str(runs / "c"), "unreadable"),
    ]
    assert found[1]["validation"] == {"anime_likeness_main": 0.0625}


def test_no_runs_and_no_folder(call, tmp_path):
    assert call("runs", tmp_path) == (0, f"no runs below '{tmp_path}'\n", "")
    assert call("runs", tmp_path, "--json") == (0, "[]\n", "")
    status, _, errors = call("runs", tmp_path / "nowhere")
    assert status == 1
    assert "nowhere' is not a folder" in errors


def test_the_page_of_a_run(call, runs):
    add_validation(runs / "b", 4)
    status, out, _ = call("runs", "--page", runs / "b")
    assert (status, out) == (0, f"{runs / 'b' / 'report.html'}\n")
    assert (runs / "b" / "report.html").read_text().startswith("<!DOCTYPE html>")
    status, _, errors = call("runs", "--page", runs)
    assert status == 1
    assert errors.count("\n") == 1
    assert "is not a run folder" in errors


@pytest.mark.parametrize("arguments", [(), ("--page",)])
def test_neither_loads_tensorflow(runs, arguments):
    code = (
        "import sys, animegan3_tf.cli\n"
        "try: animegan3_tf.cli.main()\n"
        "except SystemExit as end: status = end.code\n"
        "print(status, [m for m in ('tensorflow', 'keras') if m in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "runs", *arguments, str(runs / "b")]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(animegan3_tf.__file__).parents[1]
    )
    assert result.stderr == "0 []\n"
