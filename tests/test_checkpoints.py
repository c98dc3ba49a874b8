import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from animegan3_tf import checkpoints
from animegan3_tf.checkpoints import shipped_checkpoints, weights_of
from animegan3_tf.errors import UserError
from animegan3_tf.stylizer import load_stylizer
from animegan3_tf.weights_file import write_weights


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
    for words in ("Trained on", "Known failures", "Licence"):
        assert words in card


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


def test_the_newest_is_told_by_date_then_by_name(tmp_path):
    for name, header in (
        ("x-undated", {}),
        ("y-undated", {}),
        ("b", {"created": "2025-09-30"}),
        ("c", {"created": "2024-12-31"}),
        ("a", {"created": "2025-09-30"}),
        ("d", {"created": "2025-10-01T09:00:00+00:00"}),
    ):
        ship(tmp_path, name, **header)
    assert [one.name for one in shipped_checkpoints(tmp_path)] == ["d", "b", "a", "c", "y-undated", "x-undated"]


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
    ship(tmp_path, "hayao", created="2025-01-02", architecture="animegan3", step=1200)
    older = ship(tmp_path, "old")
    (tmp_path / "hayao" / "card.md").touch()
    status, out, _ = call("models")
    assert status == 0
    assert out.splitlines() == [
        "hayao (default): animegan3, step 1,200, 2025-01-02, 0.0 MB",
        f"    {tmp_path / 'hayao' / 'card.md'}",
        "old: 0.0 MB",
        f"    {older}",
    ]
    listed = json.loads(call("models", "--json")[1])
    assert [(one["name"], one.get("step")) for one in listed] == [("hayao", 1200), ("old", None)]


def test_finding_checkpoints_does_not_import_tensorflow(tmp_path):
    ship(tmp_path, "a")
    code = (
        "import sys\n"
        "from animegan3_tf.checkpoints import shipped_checkpoints\n"
        "assert shipped_checkpoints(sys.argv[1])\n"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
