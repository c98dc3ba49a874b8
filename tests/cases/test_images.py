"""Pictures that came out wrong, or not at all: folders of ../shared/cases about image files."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.golden import shared
from PIL import Image, features

from animegan3_tf.common.images import read_image
from animegan3_tf.models.weights import build_deployed, save_generator

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "litert_minimal.py"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "generator.h5"
    save_generator(path, build_deployed("animegan3", "half_pixel"))
    return path


def test_what_is_hidden_behind_transparency_changes_nothing(call, model, tmp_path):
    photos = shared("cases", "hidden-colours")
    assert call("stylize", photos, "-o", tmp_path, "--model", model)[0] == 0
    black, white, red = (read_image(tmp_path / f"{name}.png") for name in ("black", "white", "red"))
    for other in (white, red):
        np.testing.assert_array_equal(other.rgb, black.rgb)
    np.testing.assert_array_equal(black.alpha, read_image(photos / "black.png").alpha)


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_pictures_with_less_usual_suffixes_are_drawn(call, model, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(shared("cases", "silently-skipped"), folder)
    (folder / "clip.mov").touch()
    status, _, errors = call("stylize", folder, "-o", tmp_path / "out", "--model", model)
    names = {path.name for path in (tmp_path / "out").iterdir()} - {"drawn.jsonl"}
    assert names == {"a.jpg", "windows.jpg", "old.jpg", "camera.jpg", "modern.png", "anim.png"}
    assert status == 0
    assert errors.splitlines() == [
        f"animegan3: folder {str(folder)!r}: skipped 1 file that is no image by name: 1 .mov",
    ]


@pytest.mark.parametrize("suffix", [".gif", ".avif", ".jfif"])
def test_an_output_that_cannot_be_written_is_refused(call, model, tmp_path, suffix):
    output = tmp_path / f"a{suffix}"
    status, _, errors = call("stylize", shared("cases", "gif-becomes-folder", "a.jpg"), "-o", output, "--model", model)
    assert status == 1
    assert errors.startswith(f"animegan3: format '{suffix}' cannot be written; use one of .jpg,")
    assert not output.exists()


# Reading needs no interpreter, so that a machine without ai-edge-litert tests it, too.
READ = """
import sys, types
sys.modules["ai_edge_litert"] = types.ModuleType("ai_edge_litert")
sys.modules["ai_edge_litert.interpreter"] = types.SimpleNamespace(Interpreter=None)
from litert_minimal import read
sys.stdout.buffer.write(read(sys.argv[1]).tobytes())
"""


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_litert_example_reads_16_bit_grey_as_the_package_does(tmp_path, suffix):
    photo = tmp_path / f"a{suffix}"
    with Image.open(shared("cases", "example-grey16", "grey16.png")) as image:
        samples = np.asarray(image).astype(np.uint16)
    Image.fromarray(samples).save(photo)
    run = subprocess.run([sys.executable, "-c", READ, photo], cwd=EXAMPLE.parent, capture_output=True, check=True)
    assert run.stdout == read_image(photo).rgb.tobytes()
    high = (samples // 256).astype(np.uint8)
    np.testing.assert_array_equal(np.frombuffer(run.stdout, np.uint8), high.repeat(3, axis=1).ravel())
