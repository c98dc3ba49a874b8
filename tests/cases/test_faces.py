"""The case folders smeared-crop, blank-duplicates, named-pipe and evaluate_cache, each by its README."""

import os
import shutil
import subprocess
import sys

import pytest
import skimage.data
import tensorflow as tf
from helpers.golden import shared

from animegan3_tf.common.images import write_image


@pytest.fixture
def features(tmp_path):
    """The specification of a network of features: the brightest level of each channel."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 12, 12, 3], tf.float32, name="picture")])
    def serve(picture):
        return {"features": tf.reduce_max(picture, (1, 2))}

    tf.saved_model.save(module, str(tmp_path / "brightest"), signatures=serve)
    return f"saved_model:{tmp_path / 'brightest'}"


@pytest.mark.slow
def test_smeared_crop(call, tmp_path):
    portrait, made = tmp_path / "portrait.jpg", tmp_path / "photos" / "border.jpg"
    write_image(portrait, skimage.data.astronaut()[0:256, 96:352])
    made.parent.mkdir()
    subprocess.run([sys.executable, shared("cases", "smeared-crop", "make.py"), portrait, made], check=True)
    boxes = tmp_path / "boxes.csv"  # about the face, whichever MTCNN is installed
    boxes.write_text("file,left,top,right,bottom\nborder.jpg,440,-45,520,60\n")
    status, out, _ = call("faces", made.parent, "-o", tmp_path / "crops", "--boxes", boxes)
    assert status == 0
    assert "0 faces written" in out
    assert "cut off: 1 photos" in out
    assert "% lies outside its photo, over 15 %" in (tmp_path / "crops" / "rejected.json").read_text()
    _, out, _ = call("faces", made.parent, "-o", tmp_path / "crops", "--boxes", boxes, "--max-outside", 0.7)
    assert "1 faces written" in out


def test_blank_duplicates(call, tmp_path):
    write_image(tmp_path / "photos" / "a.png", skimage.data.astronaut())
    anime, page = shared("cases", "blank-duplicates"), tmp_path / "page.html"
    status, out, _ = call("inspect", "--photos", tmp_path / "photos", "--anime", anime, "--page", page)
    assert status == 0
    assert "anime: 1 of 2 can go, as they look like others" in out
    assert "anime: 2 (frame_0001.png, frame_0002.png) are blank, of one colour" in out
    assert "frame_0001.png, frame_0002.png" in page.read_text()


@pytest.fixture
def folders(tmp_path):
    """The photos, drawings and anime of the folder named-pipe, as options."""
    photo = shared("cases", "named-pipe", "a.jpg")
    for name in ("photos", "generated", "anime"):
        (tmp_path / name).mkdir()
        shutil.copyfile(photo, tmp_path / name / "a.jpg")
    return [part for name in ("photos", "generated", "anime") for part in (f"--{name}", tmp_path / name)]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_named_pipe(call, folders, features, tmp_path):
    os.mkfifo(tmp_path / "photos" / "p.jpg")
    options = ["--features", features, "--no-faces", "--cache", tmp_path / "cache"]
    status, out, error = call("evaluate", *folders, "-o", tmp_path / "report", *options)
    assert status == 1
    assert f"'{tmp_path / 'photos' / 'p.jpg'}' is not a regular file" in error
    assert "1 of 1 photos have an image" in out


@pytest.mark.slow
def test_evaluate_cache(call, folders, features, tmp_path):
    (tmp_path / "a-file").touch()
    options = ["--features", features, "--no-faces", "--cache", tmp_path / "a-file"]
    status, out, error = call("evaluate", *folders, "-o", tmp_path / "report", *options)
    assert status == 0
    assert error.count("cannot be written") == 1
    assert f"cache '{tmp_path / 'a-file'}' cannot be written (Not a directory)" in error
    assert "1 of 1 photos have an image" in out
