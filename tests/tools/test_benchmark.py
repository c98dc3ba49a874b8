import json

import benchmark
import pytest
import tensorflow as tf
from benchmarks.matmul_rate import matmul_rate
from benchmarks.setup import new_trainer
from benchmarks.train import region_wait
from helpers.tiny_pairs import PAIRS_TOML
from helpers.tiny_training import TINY_TOML, tiny_style, write_pictures

from animegan3_tf.comparison.speed import Timing
from animegan3_tf.models.perceptual import load_perceptual
from animegan3_tf.models.weights import named_weights, save_generator
from animegan3_tf.networks import build_generator
from animegan3_tf.training.terms import needed_taps


def test_the_wait_for_the_region_target_is_taken_round_by_round():
    timings = {"ours": Timing((3.0, 2.0, 4.0)), "without region target": Timing((2.5, 1.0, 3.5))}
    assert region_wait(timings) == {"without_ms": 2500.0, "ms": 500.0, "share": pytest.approx(1 / 6)}


def test_the_matmul_rate_is_finite_in_every_precision():
    for dtype in ("float32", "bfloat16"):
        assert 1e6 < matmul_rate(dtype, side=64, repeats=2) < 1e16


def test_both_tails_start_from_a_deployed_generator(tmp_path):
    tf.keras.utils.set_random_seed(0)
    deployed = build_generator(tails="main")
    save_generator(tmp_path / "generator.h5", deployed)
    style = tiny_style()
    network = load_perceptual("random", needed_taps(style.perceptual["vgg19"]))
    trainer = new_trainer(style, network, tf.identity, tmp_path / "generator.h5")
    photo = tf.random.stateless_uniform([1, 16, 16, 3], seed=(0, 1), minval=-1, maxval=1)
    tails = trainer.generator(photo, training=False)
    tf.debugging.assert_near(tails["main"], deployed(photo, training=False), atol=1e-6)
    tf.debugging.assert_near(tails["support"], tails["main"], atol=1e-6)
    assert len(named_weights(trainer.generator)) > len(named_weights(deployed))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--style", "watercolour"], "watercolour"),
        (["--size", "20"], "20"),
        (["--photos", "somewhere"], "--anime"),
        (["--upstream", "--precision", "mixed_float16"], "float32"),
        (["--generator", "absent.h5"], "absent.h5"),
    ],
)
def test_what_cannot_run_is_told_in_one_line(options, message, capsys, tmp_path):
    pictures = write_pictures(tmp_path / "photo", 1), write_pictures(tmp_path / "anime", 1)
    folders = [] if "--photos" in options else ["--photos", str(pictures[0]), "--anime", str(pictures[1])]
    style = [] if "--style" in options else ["--style", toml(tmp_path)]
    assert benchmark.main(["train", "--size", "16", *style, *folders, *options]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("benchmark: ")]
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.slow
def test_the_command_measures_a_step_and_upstreams(tmp_path, capsys):
    photos, anime = write_pictures(tmp_path / "photo", 3, 24), write_pictures(tmp_path / "anime", 3, 24, first=10)
    report = tmp_path / "report.json"
    options = ["--style", toml(tmp_path), "--size", "16", "--batch", "1", "--steps", "1", "--region", "l0"]
    folders = ["--photos", str(photos), "--anime", str(anime), "--generator", "none"]
    assert benchmark.main(["train", *options, *folders, "--upstream", "--json", str(report)]) == 0

    printed = capsys.readouterr().out
    assert "whole step" in printed
    assert "images/s" in printed
    result = json.loads(report.read_text())
    assert result["step"]["images_per_second"] == pytest.approx(1e3 / result["step"]["ms"])
    names = [part["name"] for part in result["parts"]]
    assert len(names) == len(set(names))
    for word in (
        "data",
        "generator",
        "guided",
        "NL-means",
        "L0",
        "region",
        "perceptual",
        "discriminators",
        "optimizers",
    ):
        assert any(word in name for name in names), word
    assert all(part["within"] in {None, *names} for part in result["parts"])
    assert result["flops"]["total"] == sum(result["flops"]["by_operation"].values())
    limit = result["limit"]
    share = result["flops"]["total"] / limit["matmul_flops_per_second"] / (result["step"]["ms"] / 1e3)
    assert limit["share"] == pytest.approx(share)
    upstream = result["upstream"]
    assert upstream["ratio"]["median"] == pytest.approx(upstream["ms"] / result["step"]["ms"])
    assert sum(part["ms"] for part in upstream["parts"]) <= upstream["ms"]


@pytest.mark.slow
def test_the_command_measures_a_step_on_pairs(tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(PAIRS_TOML, encoding="utf-8")
    report = tmp_path / "report.json"
    options = ["--style", str(tmp_path / "tiny.toml"), "--steps", "1", "--discriminator", "--json", str(report)]
    assert benchmark.main(["pairs", *options]) == 0
    assert "with discriminator" in capsys.readouterr().out
    result = json.loads(report.read_text())
    assert [(kind["name"], kind["count"], kind["crop"]) for kind in result["kinds"]] == [
        ("small", 4, 16), ("large", 2, 24)
    ]  # fmt: skip
    for kind in result["kinds"]:
        own, step = kind["rows"]
        assert own["ratio"]["median"] == 1.0
        assert step["name"] == "step with random"
        assert step["ratio"]["median"] == pytest.approx(step["ms"] / own["ms"])
    assert result["data"]["ms"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--style", "shinkai"], "style 'shinkai' does not learn from pairs"),
        (["--style", "portrait", "--perceptual", "alexnet"], "alexnet"),
    ],
)
def test_pairs_that_cannot_be_measured_are_told_in_one_line(options, message, capsys):
    assert benchmark.main(["pairs", *options]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("benchmark: ")]
    assert len(lines) == 1
    assert message in lines[0]


def toml(folder):
    """The tiny style as a file."""
    path = folder / "tiny.toml"
    path.write_text(TINY_TOML, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "20"], "20"),
        (["--precision", "int4"], "int4"),
        (["--precision", "float16"], "float32"),
        (["--precision", "float32", "int8"], "--calibrate"),
        (["--litert", "absent"], "absent"),
    ],
)
def test_an_export_that_cannot_be_measured_is_told_in_one_line(options, message, capsys):
    assert benchmark.main(["export", *options]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("benchmark: ")]
    assert len(lines) == 1
    assert message in lines[0]


@pytest.mark.slow
def test_the_command_measures_exported_files(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # so that no heading wraps
    tf.keras.utils.set_random_seed(0)
    save_generator(tmp_path / "generator.h5", build_generator(tails="main"))
    report = tmp_path / "report.json"
    options = ["--generator", str(tmp_path / "generator.h5"), "--size", "16", "--rounds", "1", "--json", str(report)]
    assert benchmark.main(["export", *options]) == 0
    assert "times as fast as plain" in capsys.readouterr().out
    result = json.loads(report.read_text())
    (table,) = result["tables"]
    plain, ours, _ = table["rows"]
    assert [row["name"] for row in table["rows"]] == ["litert plain", "litert float32", "tensorflow float32"]
    assert plain["times_as_fast"]["median"] == 1.0
    assert ours["times_as_fast"]["median"] == pytest.approx(plain["ms"] / ours["ms"])
    assert plain["operations"]["MIRROR_PAD"] == 14  # one a convolution, down to nothing to pad
    assert "MIRROR_PAD" not in ours["operations"]
    counted = {row["operation"]: row["count"] for row in result["operators"]["rows"]}
    assert counted == ours["operations"]
