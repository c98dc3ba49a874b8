import numpy as np
import pytest
from helpers.prepared_folders import picture

from animegan3_tf.common.images import write_image
from animegan3_tf.models.weights import save_generator
from animegan3_tf.networks import build_generator


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A teacher of random weights and two photos, in the working folder."""
    monkeypatch.chdir(tmp_path)
    save_generator("teacher.h5", build_generator("main"))
    for i in range(2):
        write_image(f"photos/{i}.png", picture(i, 96))
    return tmp_path


WHOLE = ("--no-faces", "--size", "64", "--teacher-size", "64", "--jobs", "1")


def test_pairs_says_what_it_made_and_where_to_look(call, folder):
    status, out, _ = call("pairs", "photos", "-o", "pairs", "--teacher", "teacher.h5", *WHOLE)
    assert status == 0
    assert "2 pairs written, 2 in pairs" in out
    assert "pairs/pairs.html" in out
    assert len(list((folder / "pairs" / "anime").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("pairs", "-o", "pairs"), "no photos given; name photos or folders, or --review FILE alone"),
        (("pairs", "photos", "-o", "pairs"), "no teacher given; name a model with --teacher"),
        (("pairs", "photos", "-o", "pairs", "--teacher", "none.h5"), "none.h5"),
        (("pairs", "nowhere", "-o", "pairs", "--teacher", "teacher.h5", *WHOLE), "no pair was made from 1 photos"),
        (("pairs", "-o", "photos", "--review", "none.json"), "cannot be read"),
        (("distill", "--teacher", "none.h5", "--photos", "photos", "-o", "run", "--perceptual", "random"), "none.h5"),
        (("distill", "--teacher", "teacher.h5", "--photos", "photos", "-o", "run", "--perceptual", "no"), "no"),
    ],
)
def test_bad_input_is_one_line(call, folder, arguments, reason):
    status, _, err = call(*arguments)
    assert status == 1
    assert reason in err.strip().splitlines()[-1]


def test_photos_without_a_face_are_told_as_such(call, folder):
    write_image("photos/0.png", np.full((96, 96, 3), 90, np.uint8))
    status, out, err = call("pairs", "photos", "-o", "pairs", "--teacher", "teacher.h5", "--jobs", "1")
    assert status == 1
    assert "no face: 2" in out
    assert "no pair was made from 2 photos; pairs/rejected.json has the reasons" in err


@pytest.mark.slow
def test_distill_makes_pairs_then_trains_and_goes_on(call, folder, tmp_path):
    for i in range(2, 8):
        write_image(f"photos/{i}.png", picture(i, 160))
    (tmp_path / "tiny.toml").write_text(
        """
description = "tiny"
objective = "pairs"
[train]
epochs = 1
[pairs]
held_out = 0.3
[pairs.batches.small]
turns = 1
count = 2
crop = 64
scales = [64, 72]
[perceptual.vgg19]
features = { conv2_2 = 1.0 }
"""
    )
    arguments = ("distill", "--teacher", "teacher.h5", "--photos", "photos", "-o", "run", "--style", "tiny.toml")
    arguments += ("--perceptual", "random", "--steps", "2", *WHOLE)
    status, out, err = call(*arguments)
    assert status == 0, err
    assert (folder / "run" / "generator.h5").is_file()
    assert "8 pairs written" in out
    status, out, err = call(*arguments)  # all of it is done
    assert status == 0, err
    assert "0 pairs written" in out
