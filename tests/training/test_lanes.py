"""TensorFlow 2.15 and 2.21 read each other's runs and files, and compute the same; see docs/porting.md.

The Python of the other line's environment is named in OTHER_LANE_PYTHON.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_training import TINY_TOML, write_pictures

from animegan3_tf.common.images import read_image
from animegan3_tf.stylizer.model import load_stylizer
from animegan3_tf.training.run_files import read_metrics, states
from animegan3_tf.training.state import read_state

ROOT = Path(__file__).parents[2]
OTHER = os.environ.get("OTHER_LANE_PYTHON", "")
STARTED, STEPS = 4, 40
pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(not OTHER, reason="OTHER_LANE_PYTHON names no Python of the other line"),
]


def run(python, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_NUM_INTRAOP_THREADS": "1"}
    done = subprocess.run([python, *map(str, arguments)], env=environment, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def train(python, data, out, steps, *more):
    sources = ["--style", data / "tiny.toml", "--photos", data / "photo", "--anime", data / "anime"]
    often = ["--checkpoint-every", STEPS, "--sample-every", 10 * STEPS, "--log-every", 1]
    plan = ["--perceptual", "random", "--steps", steps, "--pretrain-steps", STARTED, "--deterministic", *often, *more]
    run(python, "-m", "animegan3_tf", "train", *sources, "--out", out, *plan)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lanes")
    write_pictures(folder / "photo", 4)
    write_pictures(folder / "anime", 4, first=4)
    (folder / "tiny.toml").write_text(TINY_TOML)
    return folder


@pytest.fixture(scope="module")
def runs(data):
    """{line: a run begun on this line and continued there}."""
    train(sys.executable, data, data / "begun", STARTED)
    continued = {"this": data / "this", "other": data / "other"}
    for name, python in (("this", sys.executable), ("other", OTHER)):
        shutil.copytree(data / "begun", continued[name])
        train(python, data, continued[name], STARTED + STEPS, "--resume")
    return continued


def test_it_is_the_other_line():
    lines = {run(p, "-c", "import keras; print(keras.__version__[0])").strip() for p in (sys.executable, OTHER)}
    assert lines == {"2", "3"}


def test_a_run_goes_on_alike_on_the_other_line(runs):
    """From one state: the first step's gradient norms within 1e-3, the losses of 40 steps, added up, within 2 %."""
    read = [{r["step"]: r["terms"] for r in read_metrics(folder) if "terms" in r} for folder in runs.values()]
    ours, theirs = ([losses[step] for step in range(STARTED + 1, STARTED + STEPS + 1)] for losses in read)
    for name in ("generator_gradient", "discriminator_gradient"):
        assert theirs[0][name] == pytest.approx(ours[0][name], rel=1e-3)
    for name in ("loss", "discriminator_main", "discriminator_support"):
        both = np.array([[losses[name] for losses in records] for records in (ours, theirs)])
        assert np.abs(both[0] - both[1]).sum() < 0.02 * both[0].sum(), name


def test_a_run_comes_back_from_the_other_line(data, runs):
    """The weights, moments and counts that the other line wrote are read here, and the run goes on."""
    train(sys.executable, data, runs["other"], STARTED + STEPS + 2, "--resume")
    (newest,) = [read_state(path) for path in states(runs["other"])[-1:]]
    assert newest.step == STARTED + STEPS + 2
    mine, other = (set(read_state(states(runs[name])[-1]).arrays) for name in ("this", "other"))
    assert mine == other


STYLIZE = """
import sys, numpy as np
from animegan3_tf.common.images import read_image
from animegan3_tf.stylizer.model import load_stylizer
photo = read_image(sys.argv[1]).rgb
np.savez(sys.argv[2], **{str(i): load_stylizer(path)(photo) for i, path in enumerate(sys.argv[3:])})
"""


def test_exports_of_either_line_draw_the_same_on_both(data, runs, tmp_path):
    photo = next((data / "photo").iterdir())
    side = read_image(photo).rgb.shape[0] // 8 * 8
    for name, python in (("this", sys.executable), ("other", OTHER)):
        form = ["--format", "saved_model,tflite,onnx", "--size", side, "--photos", data / "photo"]
        run(python, "-m", "animegan3_tf", "export", runs["this"], "-o", tmp_path / name, *form)
    reports = [json.loads((tmp_path / name / "export.json").read_text()) for name in ("this", "other")]
    assert [file["file"] for file in reports[0]["files"]] == [file["file"] for file in reports[1]["files"]]
    files = [tmp_path / name / file["file"] for name in ("this", "other") for file in reports[0]["files"]]
    assert {path.suffix for path in files} == {"", ".tflite", ".onnx"}
    run(OTHER, "-c", STYLIZE, photo, tmp_path / "theirs.npz", *files)
    rgb = read_image(photo).rgb
    expected = load_stylizer(runs["this"])(rgb).astype(int)
    with np.load(tmp_path / "theirs.npz") as theirs:
        for number, path in enumerate(files):
            for drawn in (load_stylizer(path)(rgb), theirs[str(number)]):
                assert np.abs(drawn.astype(int) - expected).max() <= 1, path
