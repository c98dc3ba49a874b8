"""Results that were scored against the wrong photos: ../shared/cases/pairing."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.golden import shared
from helpers.tiny_training import resnet_arrays
from PIL import Image

from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.models.weights import build_deployed, save_generator


@pytest.fixture
def options(tmp_path):
    write_image(tmp_path / "anime" / "a.png", np.zeros((32, 32, 3), np.uint8))
    np.savez(tmp_path / "features.npz", **resnet_arrays())
    network = ("--features", f"resnet18:{tmp_path / 'features.npz'}", "--cache", tmp_path / "cache", "--no-faces")
    return ("--anime", tmp_path / "anime", "--replicates", 0, "-o", tmp_path / "report", *network)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "generator.h5"
    save_generator(path, build_deployed("animegan3", "half_pixel"))
    return path


def measured(call, *arguments):
    """{image: photo} of the report, and what was printed."""
    status, text, errors = call("evaluate", *arguments)
    assert (status, errors) == (0, "")
    table = Path(arguments[arguments.index("-o") + 1], "pictures.csv").read_text()
    return {row["generated"]: row["photo"] for row in csv.DictReader(table.splitlines())}, text


def test_evaluate_draws_and_scores_each_photo_with_its_own_image(call, model, options):
    photos = shared("cases", "pairing", "jpg-and-png")
    found, text = measured(call, "--generated", model, "--photos", photos, *options)
    assert found == {"1.jpg.png": "1.jpg", "1.png": "1.png"}
    assert "2 of 2 photos have an image" in text


def test_results_of_stylize_are_scored_with_the_photos_they_were_drawn_from(call, model, options, tmp_path):
    source = shared("cases", "pairing", "jpg-and-png", "1.jpg")
    (tmp_path / "in").mkdir()
    for number, name in enumerate(("1.bmp", "1.png", "2.jpg", "2.tif")):
        Image.fromarray(np.roll(read_image(source).rgb, 40 * number, 1)).save(tmp_path / "in" / name)
    assert call("stylize", tmp_path / "in", "-o", tmp_path / "out", "--model", model)[0] == 0
    found, _ = measured(call, "--generated", tmp_path / "out", "--photos", tmp_path / "in", *options)
    assert found == {"1.bmp.png": "1.bmp", "1.png": "1.png", "2.jpg": "2.jpg", "2.png": "2.tif"}


def test_a_folder_that_names_cannot_tell_apart_is_refused(call, options, tmp_path):
    photos = shared("cases", "pairing", "jpg-and-png")
    (tmp_path / "out").mkdir()
    for name in ("1.png", "1-2.png"):  # as versions before this one named them
        shutil.copy(photos / "1.png", tmp_path / "out" / name)
    status, _, errors = call("evaluate", "--generated", tmp_path / "out", "--photos", photos, *options)
    assert status == 1
    assert "1.png' may have been drawn from" in errors
    assert len(errors.splitlines()) == 1


def test_results_without_a_photo_are_counted(call, options, tmp_path):
    for name in ("in/a.jpg", "out/a.png", "out/other.png"):
        write_image(tmp_path / name, np.full((32, 32, 3), 90, np.uint8))
    found, text = measured(call, "--generated", tmp_path / "out", "--photos", tmp_path / "in", *options)
    assert found == {"a.png": "a.jpg"}
    assert "1 of 1 photos have an image; images without a photo: 1" in text
