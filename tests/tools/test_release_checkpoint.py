import dataclasses
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flat_response import HEAD, flat_response
from release_checkpoint import release

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.checkpoints import shipped_checkpoints
from animegan3_tf.models.weights_file import read_weights, write_weights
from animegan3_tf.styles import load_style, override
from animegan3_tf.stylizer.model import load_stylizer
from animegan3_tf.training.configuration import Origin, RunConfiguration

ABOUT = """
title = "tiny"
summary = "A test."
trained_on = "nothing"
hardware = "none"
failures = ["everything", "all else"]
licence = "CC0"
"""


@pytest.fixture
def run(tmp_path):
    """A run folder as `train` leaves it, of the weights that come with the project."""
    folder = tmp_path / "run"
    folder.mkdir()
    _, arrays = read_weights(shipped_checkpoints()[0].weights)
    header = {"architecture": "animegan3", "resize": "half_pixel", "style": "portrait", "step": 900}
    write_weights(folder / "generator.h5", header, arrays)
    places = {"photos": "/home/me/photo", "anime": "/home/me/anime", "perceptual": "resnet18:/home/me/net.npz"}
    configuration = RunConfiguration(load_style("portrait-unpaired"), **places, steps=1000, pretrain_steps=100)
    (folder / "config.json").write_text(json.dumps(configuration.to_dict()))
    return folder


@pytest.fixture
def about(tmp_path):
    path = tmp_path / "about.toml"
    path.write_text(ABOUT)
    return path


def test_a_checkpoint_of_a_run(run, about, tmp_path, monkeypatch):
    found = [
        {"name": "edges kept", "value": 0.25, "low": 0.2, "high": 0.3, "count": "4 pictures", "note": ""},
        {"name": "identity", "value": None, "low": None, "high": None, "count": "0 faces", "note": "not measured: few"},
    ]
    commands = []
    monkeypatch.setattr("release_checkpoint._evaluate", lambda command: commands.append(command) or found)
    target = tmp_path / "out" / "tiny"
    release(run, target, about, Path("/home/me/held"), Path("/home/me/anime"), "resnet18:/home/me/net.npz")
    header, arrays = read_weights(target / "generator.h5")
    assert (header["trained_on"], header["license"], {a.dtype for a in arrays.values()}) == (
        "nothing",
        "CC0",
        {np.dtype("float16")},
    )
    configuration = json.loads((target / "config.json").read_text())
    style = load_style(target / "style.toml")
    assert style.to_dict() == {**load_style("portrait-unpaired").to_dict(), **style.to_dict()}  # no value is left out
    assert style.data.image_size == configuration["style"]["data"]["image_size"]
    for path in target.iterdir():
        assert b"/home/me" not in path.read_bytes(), path
    card = (target / "card.md").read_text()
    assert "| edges kept | 0.25 (0.2 to 0.3) | 4 pictures |" in card
    assert "| identity | not measured: few | 0 faces |" in card
    assert "- **Known failures**: everything; all else." in card
    assert "100 steps of content only and 800 adversarial ones" in card
    assert "animegan3 evaluate --generated tiny --photos held --anime anime --features resnet18:net.npz -o" in card
    assert commands[0][1:3] == ["--generated", str(target / "generator.h5")]
    sums = dict(line.split()[::-1] for line in (target / "SHA256SUMS").read_text().splitlines())
    files = {path.name: path.read_bytes() for path in target.iterdir() if path.name != "SHA256SUMS"}
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _levels(rows):
    """{(picture, side): the numbers of the other columns} of rows of a table."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {(name, side): [int(n) for n in re.findall(r"\d+", " ".join(rest))] for name, side, *rest in cells}


def test_the_shipped_card_states_what_the_weights_draw_for_white_grey_and_black():
    shipped = shipped_checkpoints()[0]
    card = (shipped.folder / "card.md").read_text().splitlines()
    first = card.index(HEAD[-1]) + 1
    assert card[first - len(HEAD) : first] == HEAD
    stated, measured = _levels(card[first:]), _levels(flat_response(load_stylizer(shipped.weights)))
    assert stated.keys() == measured.keys()
    assert {name.split()[0] for name, _ in stated} == {"white", "grey", "black"}
    for picture, levels in stated.items():
        np.testing.assert_allclose(levels, measured[picture], atol=1, err_msg=str(picture))


def test_the_recipe_of_a_run_on_pairs(run, about, tmp_path):
    style = override(load_style("portrait"), {"pairs.discriminator": True})
    configuration = RunConfiguration(
        style, None, None, "resnet18:/home/me/net.npz", steps=1000, pretrain_steps=100, pairs="/home/me/pairs"
    )
    configuration = dataclasses.replace(configuration, perceptual_file=Origin("net.npz", "0123456789abcdef"))
    (run / "config.json").write_text(json.dumps(configuration.to_dict()))
    release(run, tmp_path / "out" / "tiny", about)
    card = (tmp_path / "out" / "tiny" / "card.md").read_text()
    recipe = (
        "- **Recipe**: style.toml; 900 steps on pairs, 800 of them with a discriminator, in batches of 3 crops of 256 "
        "pixels (5 turns) or 6 crops of 160 pixels (3 turns) or 2 crops of 256 pixels (2 turns); perceptual network "
        "resnet18:net.npz of net.npz (sha256 0123456789ab); seed 0."
    )
    assert recipe in card.splitlines()
    assert "/home/me" not in (tmp_path / "out" / "tiny" / "config.json").read_text()


def test_a_checkpoint_of_a_weights_file_of_another_trainer(run, about, tmp_path):
    more = 'teacher = "a master"\nrecipe = "by hand."\nfigures = "They are good."\n'
    about.write_text(ABOUT + more + "[stylize]\nfaces = true\nsize = 640\n")
    target = tmp_path / "out" / "tiny"
    release(run / "generator.h5", target, about)
    header, _ = read_weights(target / "generator.h5")
    assert header["teacher"] == "a master"
    assert header["stylize"] == {"faces": True, "face_size": 256, "size": 640}
    card = (target / "card.md").read_text()
    for line in ("- **Teacher**: a master", "- **Recipe**: by hand.", "They are good."):
        assert line in card.splitlines()
    assert "evaluate" not in card
    assert sorted(path.name for path in target.iterdir()) == ["SHA256SUMS", "card.md", "generator.h5", "sample.jpg"]
    about.write_text(about.read_text().replace("640", "320"))
    release(run / "generator.h5", target, about)  # the older list of checksums does not refuse the newer weights
    assert read_weights(target / "generator.h5")[0]["stylize"]["size"] == 320


@pytest.mark.parametrize(("text", "words"), [("title = 1", "lacks title, summary"), ("title =", "is not valid TOML")])
def test_an_about_file_that_will_not_do(run, about, tmp_path, text, words):
    about.write_text(text)
    with pytest.raises(UserError, match=words):
        release(run, tmp_path / "out", about, Path("p"), Path("a"), "resnet18")
    assert not (tmp_path / "out").exists()


def test_what_the_about_file_and_the_folders_must_hold(run, about, tmp_path):
    about.write_text(ABOUT + "teacher = 3")
    with pytest.raises(UserError, match="lacks teacher"):
        release(run, tmp_path / "out", about)
    about.write_text(ABOUT + "[stylize]\nface = 3")
    with pytest.raises(UserError, match="header says 'stylize'"):
        release(run, tmp_path / "out", about)
    about.write_text(ABOUT)
    with pytest.raises(UserError, match="must hold the recipe"):
        release(run / "generator.h5", tmp_path / "out", about)
    with pytest.raises(UserError, match="give both, or neither"):
        release(run, tmp_path / "out", about, photos=Path("p"))
    assert not (tmp_path / "out").exists()


def test_what_fails_is_one_line(run, about, tmp_path):
    script = Path(__file__).parents[2] / "tools" / "release_checkpoint.py"
    command = [sys.executable, str(script), str(tmp_path / "no"), str(tmp_path / "out"), "--about", str(about)]
    done = subprocess.run([*command, "--photos", "p", "--anime", "a"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("release_checkpoint: ")
    assert done.stderr.count("\n") == 1
