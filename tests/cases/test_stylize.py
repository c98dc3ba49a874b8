"""What ../shared/cases holds of stylize and export."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.golden import shared

ROOT = Path(__file__).parents[2]


def start(folder):
    """`animegan3 export portrait -o x` in a folder."""
    command = [sys.executable, "-m", "animegan3_tf", "export", "portrait", "-o", "x", "--format", "tflite"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*command, "--size", "64"], cwd=folder, env=environment, stdout=subprocess.DEVNULL)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals and locks")
def test_exporter_leftover(tmp_path):
    assert "x holds the export only" in (shared("cases", "exporter_leftover") / "README").read_text()
    process = start(tmp_path)
    while process.poll() is None and not list(tmp_path.glob("x/.export-*/new/*.tflite")):
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "x").iterdir() if not path.name.startswith(".export-")] == []
    older = tmp_path / "x" / ".export-0a_b1c2d"  # as versions without locks left it
    shutil.copytree(next((tmp_path / "x").iterdir()), older)
    assert start(tmp_path).wait() == 0
    names = ["compared", "export.json", "generator_64_float32.tflite", "generator_dynamic_float32.tflite"]
    assert sorted(os.listdir(tmp_path / "x")) == names
