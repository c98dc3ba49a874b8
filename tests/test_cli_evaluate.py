import functools
import json

import numpy as np
import pytest
from helpers.tiny_checkpoints import write_checkpoint
from helpers.tiny_training import resnet_arrays, write_pictures

from animegan3_tf.models.weights import named_weights, save_generator
from animegan3_tf.networks import build_generator


@pytest.fixture
def call(call):
    """Runs `animegan3 evaluate` in this process: (exit status, stdout, stderr)."""
    return functools.partial(call, "evaluate")


@pytest.fixture
def folder(tmp_path):
    for name, first in (("photo", 0), ("anime", 20)):
        write_pictures(tmp_path / name, 4, first=first)
    np.savez(tmp_path / "half.npz", **resnet_arrays())
    return tmp_path


def options(folder, **changes):
    values = {
        "generated": folder / "photo",
        "photos": folder / "photo",
        "anime": folder / "anime",
        "out": folder / "report",
        "features": f"resnet18:{folder / 'half.npz'}",
        "cache": folder / "cache",
    } | changes
    named = ((name, value) for name, value in values.items() if value is not None)
    return [word for name, value in named for word in (f"--{name}", value)] + ["--no-faces"]


def test_a_folder_is_measured_without_the_name_fid(call, folder):
    status, out, errors = call(*options(folder))
    assert (status, errors) == (0, "")
    assert out.startswith("features: half ResNet-18 of anime-or-not\n")
    assert "Frechet distance (half ResNet-18 of anime-or-not) to anime: not measured: 4 pictures are too few" in out
    assert "perceptual distance (ResNet-18 of anime-or-not) to the photo: 0\n" in out
    assert "FID" not in out
    assert "FID" not in (folder / "report" / "report.html").read_text()
    assert out.endswith(f"report: {folder / 'report' / 'report.html'}\n")


def test_a_model_draws_the_pictures_first(call, folder):
    save_generator(folder / "generator.h5", build_generator(tails="main"))
    status, out, _ = call(*options(folder, generated=folder / "generator.h5"))
    assert status == 0
    assert "4 images written to" in out
    assert len(list((folder / "report" / "generated").glob("*.png"))) == 4
    report = json.loads((folder / "report" / "report.json").read_text())
    assert [row["photo"] for row in report["pictures"]] == ["00.png", "01.png", "02.png", "03.png"]
    assert report["pictures"][0]["content_distance"] > 0
    (folder / "photo" / "00.png").unlink()
    status, _, errors = call(*options(folder, generated=folder / "generator.h5"))
    assert status == 1
    assert "holds pictures of an earlier evaluation too; remove it" in errors


def test_a_broken_picture_is_reported_and_the_status_is_1(call, folder):
    (folder / "anime" / "broken.png").write_bytes(b"nothing")
    status, out, errors = call(*options(folder))
    assert status == 1
    assert errors.count("\n") == 1
    assert "broken.png" in errors
    assert "report:" in out


def test_without_its_network_the_default_says_how_to_get_it(call, folder):
    status, _, errors = call(*options(folder, features="inception-2015"))
    assert status == 1
    assert errors.count("\n") == 1
    assert "get it with: animegan3 networks get inception-2015" in errors


def test_chosen_metrics_alone_are_measured_and_what_the_others_need_is_not_loaded(call, folder):
    status, _, errors = call(*options(folder, features="inception-2015", metrics="ssim,color"))
    assert (status, errors) == (0, "")
    report = json.loads((folder / "report" / "report.json").read_text())
    assert [result["key"] for result in report["results"]] == ["ms_ssim", "ciede2000", "yuv"]
    assert report["features"] is None
    assert set(report["pictures"][0]) == {"generated", "photo", "ms_ssim", "ciede2000", "yuv"}


def test_a_metric_that_is_not_known_is_one_line(call, folder):
    status, _, errors = call(*options(folder, metrics="fid,beauty"))
    assert (status, errors.count("\n")) == (1, 1)
    assert "metric 'beauty' is not known; choose from fid, fid-infinity, kid, lpips, ssim" in errors


@pytest.mark.slow
def test_a_runs_states_are_compared_over_training(call, folder):
    arrays = {name: weight.numpy() for name, weight in named_weights(build_generator()).items()}
    arrays["base_0_conv/kernel"] = np.zeros_like(arrays["base_0_conv/kernel"])
    for step in (10, 20):
        write_checkpoint(folder / "run", step, None, arrays)
    damaged = write_checkpoint(folder / "run", 30, None, arrays)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    arguments = options(folder, generated=None, ablate=f"mine={folder / 'run'}")
    status, out, errors = call(*arguments)
    assert status == 1
    assert errors.count("\n") == 1
    assert "state-000030.h5' is cut short or altered" in errors
    assert out.startswith(f"mine: {folder / 'run'}, step 10, 20, 30\nfeatures: half ResNet-18 of anime-or-not\n")
    assert "mine, step 10: 4 drawn, 0 drawn before\nmine, step 20: 4 drawn, 0 drawn before\n" in out
    assert "A checkpoint that was chosen by its numbers on these photos looks better on them than it is" in out
    assert out.endswith(f"report: {folder / 'report' / 'report.html'}\n")
    assert sorted(path.name for path in (folder / "report" / "generated" / "mine" / "000020").glob("*.png")) == [
        "00.png", "01.png", "02.png", "03.png",
    ]  # fmt: skip
    damaged.unlink()
    status, out, errors = call(*arguments)
    assert (status, errors) == (0, "")
    assert "mine, step 10: 0 drawn, 4 drawn before\n" in out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"generated": None}, "give --generated or --ablate, one of the two; neither is given"),
        ({"ablate": "nowhere"}, "give --generated or --ablate, one of the two; both are given"),
        ({"generated": None, "ablate": "nowhere"}, "--ablate 'nowhere' does not exist; name a run folder"),
        ({"photos": "nowhere"}, "--photos 'nowhere' is not a folder"),
        ({"anime": "nowhere"}, "--anime 'nowhere' is not a folder"),
        ({"generated": "nowhere"}, "--generated 'nowhere' does not exist"),
        ({"out": __file__}, "is a file; name a folder"),
        ({"features": "vgg"}, "features 'vgg' are not known; give inception-2015"),
        ({"distance": "vgg"}, "distance 'vgg' is not known; give lpips[:FILE.tar.gz or .npz]"),
    ],
)
def test_what_is_refused(call, folder, change, words):
    status, _, errors = call(*options(folder, **change))
    assert status == 1
    assert errors.startswith("animegan3: ")
    assert words in errors
    assert errors.count("\n") == 1
