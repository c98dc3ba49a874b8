import json

import numpy as np
import pytest
import skimage.data

from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.face_align import Face
from animegan3_tf.models.model import Model
from animegan3_tf.models.weights_file import read_header, write_weights
from animegan3_tf.stylizer import photos

HEADER = {"architecture": "animegan3", "license": "for tests"}


@pytest.fixture
def stylize(call, tmp_path, monkeypatch):
    """Runs the command on a photo of 64x48 with weights that say `wishes`: whole photos turn black, faces white.

    Returns (exit status, stdout, stderr, the result's pixels or None).
    """

    def draw(rgb):
        return np.full_like(rgb, 255 if rgb.shape[0] == rgb.shape[1] else 0)

    def detector(min_size):
        return lambda pictures: [[Face((16, 8, 48, 40))] for _ in pictures]

    monkeypatch.setattr(photos, "open_model", lambda path: Model("weights", path, None, read_header(path)))
    monkeypatch.setattr(photos, "stylizer_of", lambda model: draw)
    monkeypatch.setattr("animegan3_tf.data.face_detector.MtcnnDetector", detector)

    def run(*options, wishes=None):
        write_weights(tmp_path / "w.h5", HEADER if wishes is None else {**HEADER, "stylize": wishes}, {})
        write_image(tmp_path / "a.png", np.full((48, 64, 3), 100, np.uint8))
        out = tmp_path / "out" / "a.png"
        result = call("stylize", tmp_path / "a.png", "-o", out, "--model", tmp_path / "w.h5", *options)
        return *result, read_image(out).rgb if out.exists() else None

    return run


def test_the_terms_of_the_weights_are_told(stylize):
    status, out, errors, _ = stylize()
    assert (status, errors) == (0, "")
    assert out.splitlines()[-1] == "terms of the weights: for tests"


@pytest.mark.parametrize(
    ("wishes", "options", "faces"),
    [
        (None, (), False),
        (None, ("--face",), True),
        ({"faces": True}, (), True),
        ({"faces": True}, ("--no-face",), False),
        ({"faces": False}, ("--face", "--face-size", "64"), True),
    ],
)
def test_faces_are_drawn_again_as_the_checkpoint_says_or_the_user(stylize, wishes, options, faces):
    _, out, _, rgb = stylize(*options, wishes=wishes)
    assert (rgb[24, 32] == (255 if faces else 0)).all()
    assert not rgb[:, :2].any()
    assert ("faces drawn again: 1, in 1 of 1 photos" in out) == faces


@pytest.mark.parametrize(
    ("wishes", "options", "shape"),
    [
        (None, ("--network-size",), (48, 64)),
        ({"size": 32}, ("--network-size",), (24, 32)),
        ({"size": 32}, (), (48, 64)),
        ({"size": 32}, ("--network-size", "--size", "40"), (30, 40)),
        ({"size": 32}, ("--network-size", "--size", "0"), (48, 64)),
        (None, ("--size", "32", "--full-size"), (48, 64)),
    ],
)
def test_results_have_their_photos_sizes_or_the_networks(stylize, wishes, options, shape):
    status, _, _, rgb = stylize(*options, wishes=wishes)
    assert status == 0
    assert rgb.shape == (*shape, 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--size", "8"), "--size is 8; give at least 16, or 0 for the photo's own size"),
        (("--face-size", "0"), "--face-size is 0; give from 64 to 1,024"),
    ],
)
def test_what_stylize_refuses(stylize, options, words):
    status, out, errors, rgb = stylize(*options)
    assert (status, out, rgb) == (1, "", None)
    assert errors == f"animegan3: {words}\n"


@pytest.mark.slow
def test_an_exported_checkpoint_carries_its_terms(call, tmp_path):
    status, out, _ = call("export", "portrait", "-o", tmp_path / "export", "--format", "saved_model")
    assert status == 0
    terms = out.splitlines()[-1]
    assert terms.startswith("terms of the weights: non-commercial research use only")
    told = json.loads((tmp_path / "export" / "export.json").read_text())["model"]
    assert terms == f"terms of the weights: {told['license']}"
    write_image(tmp_path / "a.png", skimage.data.astronaut()[:128, 128:256])
    model = tmp_path / "export" / "saved_model"
    status, out, _ = call("stylize", tmp_path / "a.png", "-o", tmp_path / "out", "--model", model)
    assert status == 0
    assert out.splitlines()[-1] == terms
