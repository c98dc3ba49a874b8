import configparser
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.models import checkpoints
from animegan3_tf.models.checkpoints import StylizeDefaults, default_checkpoint, shipped_checkpoints, weights_of
from animegan3_tf.models.weights_file import write_weights
from animegan3_tf.stylizer.model import load_stylizer

ROOT = Path(__file__).resolve().parents[1]


def ship(folder, name, **header):
    path = folder / name / "generator.h5"
    write_weights(path, header, {"w": np.zeros(1)})
    return path


@pytest.mark.parametrize("shipped", shipped_checkpoints(), ids=lambda one: one.name)
def test_a_shipped_checkpoint_is_whole_small_and_described(shipped):
    for line in (shipped.folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((shipped.folder / name).read_bytes()).hexdigest() == digest, name
    assert shipped.bytes <= 2.2e6
    card = (shipped.folder / "card.md").read_text()
    for words in ("Trained on", "Known failures", "white (255)", "black (0)", "grey (128)"):
        assert words in card
    header = shipped.header
    assert header["license"] in card
    assert header["trained_on"] in card
    assert {"architecture", "resize", "style", "created"} <= header.keys()
    StylizeDefaults.from_header(header)


def test_portrait_is_the_default_and_says_what_it_learned_from():
    default = default_checkpoint()
    assert (default.name, shipped_checkpoints()[0].name) == ("portrait", "portrait")
    assert "JP_face" in default.header["teacher"]
    assert "non-commercial" in default.header["license"]
    assert StylizeDefaults.from_header(default.header) == StylizeDefaults(faces=True, face_size=256, size=1024)


def test_a_wheel_carries_every_checkpoint_whole():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    patterns = [line for lines in settings["options.data_files"].values() for line in lines.split()]
    carried = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    assert "checkpoints/portrait/generator.h5" in carried
    assert carried == {path.relative_to(ROOT).as_posix() for path in ROOT.glob("checkpoints/*/*")}


def test_the_default_one_changes_a_photo_and_keeps_its_layout():
    import skimage.data

    photo = skimage.data.astronaut()[:256, 80:336]
    anime = load_stylizer(shipped_checkpoints()[0].weights)(photo)
    difference = np.abs(anime.astype(int) - photo)
    assert difference.mean() > 5
    blocks = [image.reshape(16, 16, 16, 16, 3).mean((1, 3, 4)).ravel() for image in (photo, anime)]
    assert np.corrcoef(*blocks)[0, 1] > 0.8


def test_no_checkpoint_is_shipped(tmp_path):
    assert shipped_checkpoints(tmp_path / "missing") == []
    (tmp_path / "empty").mkdir()
    (tmp_path / "README.md").touch()
    assert shipped_checkpoints(tmp_path) == []


def test_portrait_comes_first_however_old_then_the_others_by_name(tmp_path):
    for name, header in (
        ("a", {"created": "2025-09-30"}),
        ("shinkai", {"created": "2026-10-01"}),
        ("portrait", {"created": "2024-12-31"}),
        ("hayao", {}),
    ):
        ship(tmp_path, name, **header)
    assert [one.name for one in shipped_checkpoints(tmp_path)] == ["portrait", "a", "hayao", "shinkai"]


def test_one_that_cannot_be_read_is_named(tmp_path):
    ship(tmp_path, "a", created="2025-09-30")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "generator.h5").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UserError, match=r"b/generator\.h5' is not a weights file"):
        shipped_checkpoints(tmp_path)


def test_a_name_stands_for_its_weights_unless_something_lies_there(tmp_path, monkeypatch):
    weights = ship(tmp_path / "shipped", "portrait")
    monkeypatch.setattr(checkpoints, "_CHECKOUT", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    assert weights_of("portrait") == weights
    assert os.fspath(weights_of("./portrait")) == "portrait"  # a path that is not there
    assert os.fspath(weights_of("landscape")) == "landscape"
    (tmp_path / "portrait").mkdir()
    assert os.fspath(weights_of("portrait")) == "portrait"
    run = ship(tmp_path, "portrait")
    assert weights_of("portrait").samefile(run)


def test_an_installed_packages_checkpoints_lie_where_its_record_says(tmp_path, monkeypatch):
    weights = ship(tmp_path / "share", "portrait")

    class File:
        name = "generator.h5"

        def locate(self):
            return weights

    monkeypatch.setattr(checkpoints, "_CHECKOUT", tmp_path / "missing")
    monkeypatch.setattr(importlib.metadata, "files", lambda package: [File()])
    assert [one.weights for one in shipped_checkpoints()] == [weights]
    monkeypatch.setattr(importlib.metadata, "files", lambda package: None)
    assert shipped_checkpoints() == []


def test_the_command_lists_them(call, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_CHECKOUT", tmp_path)
    assert call("models") == (0, "no checkpoint is shipped with this version\n", "")
    terms = "research only;\nnot for sale"
    ship(tmp_path, "portrait", created="2025-01-02", architecture="animegan3", step=1200, license=terms)
    other = ship(tmp_path, "hayao", created="2025-03-04")
    (tmp_path / "portrait" / "card.md").touch()
    status, out, _ = call("models")
    assert status == 0
    assert out.splitlines() == [
        "portrait (default): animegan3, step 1,200, 2025-01-02, 0.0 MB",
        f"    {tmp_path / 'portrait' / 'card.md'}",
        "    terms: research only; not for sale",
        "hayao: 2025-03-04, 0.0 MB",
        f"    {other}",
        "    terms: not stated",
    ]
    listed = json.loads(call("models", "--json")[1])
    assert [(one["name"], one.get("step")) for one in listed] == [("portrait", 1200), ("hayao", None)]


def test_finding_checkpoints_does_not_import_tensorflow(tmp_path):
    ship(tmp_path, "a")
    code = (
        "import sys\n"
        "from animegan3_tf.models.checkpoints import shipped_checkpoints\n"
        "assert shipped_checkpoints(sys.argv[1])\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
