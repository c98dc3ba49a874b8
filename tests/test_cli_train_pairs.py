"""The train command on pairs: what it makes of its options, and what it refuses in one line."""

import json
import shutil

import pytest
from helpers.prepared_folders import digests
from helpers.tiny_pairs import PAIRS_TOML, write_pairs
from helpers.tiny_training import TINY_TOML

from animegan3_tf.commands.training import pairs_configuration
from animegan3_tf.training.run import RunConfiguration


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Six pairs, the recipe for them, and one of another kind; the working folder."""
    write_pairs(tmp_path / "pairs", 6)
    (tmp_path / "mine.toml").write_text(PAIRS_TOML)
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dry(call, *options):
    status, out, errors = call("train", "--perceptual", "random", "--out", "run", "--dry-run", *options)
    assert (status, errors) == (0, "")
    return json.loads(out)


def test_a_dry_run_prints_what_would_run(call, data):
    before = digests(data)
    values = dry(call, "--style", "mine.toml", "--pairs", "pairs", "--set", "pairs.batches.small.count=8")
    assert (values["pairs"], values["photos"], values["anime"]) == (["pairs"], None, None)
    assert values["style"]["pairs"]["batches"]["small"]["count"] == 8
    assert (values["steps"], values["pretrain_steps"]) == (100, 0)  # 100 epochs of 6 pairs, 6 a step on average
    assert digests(data) == before


def test_two_folders_of_like_names(call, data):
    values = dry(call, "--style", "mine.toml", "--photos", "pairs/photo", "--anime", "pairs/anime")
    assert (values["pairs"], values["photos"], values["anime"]) == (None, "pairs/photo", "pairs/anime")
    assert values["steps"] == 180  # 100 epochs of 6 pairs, 10 / 3 a step


def test_several_folders_of_pairs(call, data):
    write_pairs(data / "scenes", 4)
    values = dry(call, "--style", "mine.toml", "--pairs", "pairs", "--pairs", "scenes")
    assert values["pairs"] == ["pairs", "scenes"]
    assert values["steps"] == 300  # 100 epochs of 10 pairs, 10 / 3 a step


def test_a_run_that_goes_on_keeps_its_pairs(call, data):
    first = dry(call, "--style", "mine.toml", "--pairs", "pairs", "--steps", "9")
    (data / "run").mkdir()
    (data / "run" / "config.json").write_text(json.dumps(first))
    assert dry(call, "--resume", "--style", "mine") == first
    (data / "run" / "config.json").write_text(json.dumps({**first, "pairs": "pairs"}))  # as runs had it at first
    assert dry(call, "--resume", "--style", "mine") == first
    again = dry(call, "--resume", "--style", "mine", "--set", "pairs.discriminator=true")
    assert again["style"]["pairs"]["discriminator"] is True


def test_another_command_asks_for_the_same_run(call, data):
    values = dry(call, "--style", "mine.toml", "--pairs", "pairs", "--steps", "9", "--seed", "4")
    made = pairs_configuration("mine.toml", "pairs", "random", steps=9, seed=4)
    assert made == RunConfiguration.from_dict(values, "dry run")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--style", "portrait", "--prepare"),
            "style 'portrait' learns from pairs of photos and drawings: make them with `animegan3 pairs PHOTOS -o DIR "
            "--teacher MODEL`, then give --pairs DIR; or train without pairs, --style portrait-unpaired",
        ),
        (("--style", "portrait", "--photos", "pairs/photo"), "learns from pairs"),
        (("--style", "tiny.toml", "--pairs", "pairs"), "--pairs is for styles that learn from pairs, 'tiny' does not"),
        (("--style", "mine.toml", "--pairs", "nowhere"), "pairs are missing: 'nowhere' is not a folder"),
        (("--style", "mine.toml", "--pairs", "pairs", "--pairs", "./pairs"), "'pairs' of pairs is named twice"),
        (("--style", "mine.toml", "--pairs", "empty"), "'empty' holds no pairs"),
        (("--style", "mine.toml", "--pairs", "pairs", "--batch-size", "4"), "--batch-size is not for style 'mine'"),
        (("--style", "mine.toml", "--pairs", "pairs", "--image-size", "64"), "--image-size is not for style 'mine'"),
        (("--style", "mine.toml", "--pairs", "pairs", "--samples", "x"), "--samples is not for style 'mine'"),
        (
            ("--style", "mine.toml", "--pairs", "pairs", "--photos", "pairs/photo", "--anime", "pairs/anime"),
            "--pairs names photos and drawings; leave out --photos and --anime, or --pairs",
        ),
    ],
)
def test_what_is_refused(call, data, options, words):
    (data / "empty").mkdir()
    status, _, errors = call("train", "--perceptual", "random", "--out", "run", *options)
    assert (status, errors.count("\n")) == (1, 1)
    assert words in errors
    assert not (data / "run").exists()


def test_unequal_pairs_are_refused_before_anything_is_written(call, data):
    shutil.copy(write_pairs(data / "large", 1, side=80) / "anime" / "00.png", data / "pairs" / "anime" / "00.png")
    options = ("--style", "mine.toml", "--pairs", "pairs", "--steps", "3")
    status, _, errors = call("train", "--perceptual", "random", "--out", "run", *options)
    assert (status, errors.count("\n")) == (1, 1)
    assert "have a drawing not as large as its photo: 00 (64x64, 80x80)" in errors
    assert not list(data.glob("run/*.h5"))
