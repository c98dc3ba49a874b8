"""Pictures that once came out wrong or not at all, from ../shared/cases."""

import importlib.util
import shutil
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from helpers.golden import shared
from PIL import features

from animegan3_tf.common.images import read_image


@pytest.mark.slow
def test_hidden_colours(call, tmp_path):
    assert call("stylize", shared("cases", "hidden-colours"), "-o", tmp_path, "--face")[0] == 0
    black, white, red = (read_image(tmp_path / f"{name}.png") for name in ("black", "white", "red"))
    for other in (white, red):
        np.testing.assert_array_equal(other.rgb, black.rgb)
        np.testing.assert_array_equal(other.alpha, black.alpha)


@pytest.mark.slow
def test_silently_skipped(call, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(shared("cases", "silently-skipped"), folder)
    (folder / "notes.txt").touch()
    names = {"a.jpg", "windows.jpg", "old.jpg", "camera.jpg", "anim.png", "modern.png"}
    if not features.check("avif"):
        (folder / "modern.avif").unlink()
        names.remove("modern.png")
    status, out, errors = call("stylize", folder, "-o", tmp_path / "out", "--no-face")
    assert (status, out.split(",")[0]) == (0, f"{len(names)} images written to {tmp_path / 'out'}")
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert f"animegan3: folder {str(folder)!r}: skipped 1 file that is no image by name: 1 .txt\n" in errors


@pytest.mark.parametrize("name", ["a.gif", "a.avif", "a.jfif"])
def test_gif_becomes_folder(call, tmp_path, name):
    status, out, errors = call("stylize", shared("cases", "gif-becomes-folder", "a.jpg"), "-o", tmp_path / name)
    assert (status, out) == (1, "")
    assert f"format '{Path(name).suffix}' cannot be written; use one of .jpg," in errors
    assert list(tmp_path.iterdir()) == []


def test_example_grey16(monkeypatch):
    path = shared("cases", "example-grey16", "grey16.png")
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["ai_edge_litert.interpreter"].Interpreter = None  # it only reads here
    source = Path(__file__).resolve().parents[2] / "examples" / "litert_minimal.py"
    spec = importlib.util.spec_from_file_location("litert_minimal", source)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    np.testing.assert_array_equal(example.read(path), read_image(path).rgb)
    assert 0 < read_image(path).rgb.mean() < 128
