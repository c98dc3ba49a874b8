"""A metric from outside the package: one call, and both commands report it."""

import csv
import json

import numpy as np
import pytest
from helpers.prepared_folders import picture
from helpers.tiny_training import resnet_arrays

from animegan3_tf.common.images import write_image
from animegan3_tf.evaluation import evaluate
from animegan3_tf.evaluation.distances import SET_SCORES
from animegan3_tf.evaluation.image_scores import PAIR_SCORES
from animegan3_tf.evaluation.measures import register_metric
from animegan3_tf.evaluation.result import Score


@pytest.fixture
def metrics(monkeypatch):
    """Two metrics, which are gone again after the test."""
    before = dict(PAIR_SCORES), dict(SET_SCORES)
    register_metric(
        Score("darkening", "share by which the image is darker", "lower"),
        lambda photo, image: 1.0 - image.mean() / photo.mean(),
    )
    register_metric(
        Score("gap", "distance of the means", "lower"),
        lambda generated, reference: float(np.abs(generated.mean(0) - reference.mean(0)).sum()),
        of="sets",
    )
    monkeypatch.setattr(evaluate, "LEAST", 3)
    yield
    for registry, own in zip((PAIR_SCORES, SET_SCORES), before):
        registry.clear()
        registry.update(own)


@pytest.fixture
def folders(tmp_path):
    """Four photos, images of half their brightness, and four anime images."""
    for i in range(4):
        photo = picture(i, 64) // 2 * 2
        write_image(tmp_path / "photo" / f"{i}.png", photo)
        write_image(tmp_path / "half" / f"{i}.png", photo // 2)
        write_image(tmp_path / "anime" / f"{i}.png", picture(10 + i, 64))
    return tmp_path


def test_evaluate_reports_it(call, metrics, folders):
    np.savez(folders / "half.npz", **resnet_arrays())
    status, out, errors = call(
        *("evaluate", "--generated", folders / "half", "--photos", folders / "photo", "--anime", folders / "anime"),
        *("--out", folders / "report", "--features", f"resnet18:{folders / 'half.npz'}", "--no-faces"),
        *("--replicates", 0, "--cache", folders / "cache"),
    )
    assert status == 0, errors
    assert "share by which the image is darker: 0.5\n" in out
    report = json.loads((folders / "report" / "report.json").read_text())
    results = {result["key"]: result for result in report["results"]}
    assert results["darkening"]["value"] == pytest.approx(0.5)
    assert results["darkening"]["better"] == "lower"
    assert [row["darkening"] for row in report["pictures"]] == pytest.approx([0.5] * 4)
    assert results["gap_photos"]["value"] > 0
    assert results["gap_anime"]["name"] == "distance of the means (half ResNet-18 of anime-or-not) to anime"
    assert "share by which the image is darker" in (folders / "report" / "report.html").read_text()
    assert "share by which the image is darker" in (folders / "report" / "results.tex").read_text()


def test_compare_reports_it(call, metrics, folders):
    status, _, errors = call(
        *("compare", "--photos", folders / "photo", "--anime", folders / "anime", "--out", folders / "report"),
        *("--model", f"half={folders / 'half'}", "--model", f"same={folders / 'photo'}", "--no-timing"),
        *("--replicates", 0, "--cache", folders / "cache"),
    )
    assert status == 0, errors
    rows = {row["method"]: row for row in csv.DictReader((folders / "report" / "methods.csv").read_text().splitlines())}
    assert float(rows["half"]["darkening"]) == pytest.approx(0.5)
    assert float(rows["same"]["darkening"]) == pytest.approx(0.0)
    assert "darkening" in (folders / "report" / "report.html").read_text()


@pytest.mark.parametrize("key", ["ms_ssim", "frechet", "identity"])
def test_a_key_is_registered_once(key):
    with pytest.raises(ValueError, match=f"metric '{key}' is there already; give another key"):
        register_metric(Score(key, "mine", ""), lambda photo, image: 0.0)
