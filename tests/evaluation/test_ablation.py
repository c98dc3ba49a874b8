import csv
import json
import re

import numpy as np
import pytest
from helpers.chromium import BROWSER, browser
from helpers.tiny_checkpoints import plain_stylizer, write_checkpoint, write_plain_weights
from helpers.tiny_training import write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import only_process
from animegan3_tf.evaluation import ablation as ablations
from animegan3_tf.evaluation.ablation import BIASED, UnfitGenerator, ablate, find_ablation_runs
from animegan3_tf.evaluation.evaluate import evaluate
from animegan3_tf.evaluation.features import FeatureNetwork
from animegan3_tf.evaluation.image_scores import PerceptualDistance
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.reports.evaluation import ABLATION_FILES, COLUMNS, write_ablation


def measures(folder, seen=None, **changes):
    """Features are the mean colour, distance the mean difference; `seen` receives the size of each batch."""

    def mean_color(batch):
        if seen is not None:
            seen.append(len(batch))
        return batch.mean(axis=(1, 2)) / 255

    absent = {"anime_likeness": "not measured: no file", "identity": "not measured: --no-faces"}
    values = {
        "features": FeatureNetwork("mean colour", "pixels", "0" * 64, 16, "bilinear, antialiased", 3, mean_color),
        "distance": PerceptualDistance("mean difference", "0" * 64, False, lambda a, b: np.abs(a - b).mean((1, 2, 3))),
        "likeness": None,
        "detector": None,
        "embedding": None,
        "cache": folder / "cache",
        "absent": absent,
        "replicates": 20,
    }
    return Measures(**(values | changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """50 photos and anime pictures; run "a" darkens by 0.5, 0.25 and 0, "b" by 0.125, its other state is damaged."""
    folder = tmp_path_factory.mktemp("ablation")
    write_pictures(folder / "photo", 50)
    write_pictures(folder / "anime", 50, first=100)
    for step, value in ((10, 0.5), (20, 0.25)):
        write_checkpoint(folder / "a", step, value)
    write_plain_weights(folder / "a" / "generator.h5", 0.0, step=30)
    write_checkpoint(folder / "b", 10, 0.125)
    (folder / "b" / "state-000020.h5").write_bytes(b"nothing")
    return folder


@pytest.fixture
def stylised(monkeypatch):
    """Pictures are drawn without a network; receives the value of the generator that drew each."""
    calls = []
    monkeypatch.setattr(ablations, "stylizer_from", plain_stylizer(calls))
    return calls


def run(folder, out, specifications, **changes):
    runs = find_ablation_runs([text.format(folder) for text in specifications])
    return ablate(runs, folder / "photo", folder / "anime", out, measures(folder, **changes))


@pytest.fixture(scope="module")
def made(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ablations, "stylizer_from", plain_stylizer([]))
        return run(folder, out, ["{}/a", "b & c={}/b"]), out


def assert_same_results(measured, evaluation):
    """But for the last bits, which depend on where the numbers lie in memory."""
    assert [result.key for result in measured.evaluation.results] == [result.key for result in evaluation.results]
    for result in evaluation.results:
        found = measured.result(result.key)
        assert found.value == pytest.approx(result.value, abs=1e-9)
        assert found.interval == pytest.approx(result.interval, abs=1e-9)


def test_every_checkpoint_is_measured_as_evaluate_measures_its_pictures(made, folder):
    ablation, out = made
    assert [(one.label, one.step) for one in ablation.measured] == [("a", 10), ("a", 20), ("a", 30), ("b & c", 10)]
    alone = evaluate(out / "generated" / "a" / "000020", folder / "photo", folder / "anime", measures(folder))
    assert_same_results(ablation.measured[1], alone)
    distances = [one.result("content_distance").value for one in ablation.measured]
    assert distances[2] == 0.0
    assert distances[0] > distances[1] > distances[3] > distances[2]
    assert ablation.best("content_distance").step == 30
    assert ablation.best("edge_retention").step == 30  # the greatest is the best
    assert ablation.best("yuv") is None  # no way is better
    assert ablation.best("ms_ssim") is None  # no number
    assert len(ablation.problems) == 1
    assert "state-000020.h5' does not begin like a state file" in ablation.problems[0]


def test_a_second_time_nothing_is_drawn_and_no_feature_computed(folder, tmp_path, stylised):
    seen, cache = [], tmp_path / "cache"
    first = run(folder, tmp_path, ["{}/a"], seen=seen, cache=cache, replicates=0)
    # of photos, anime, and two checkpoints: step 30's pictures are the photos, byte for byte
    assert (len(stylised), sum(seen)) == (150, 200)
    again = run(folder, tmp_path, ["{}/a"], seen=seen, cache=cache, replicates=0)
    assert (len(stylised), sum(seen)) == (150, 200)
    for before, after in zip(first.measured, again.measured):
        assert_same_results(after, before.evaluation)


def test_the_report_for_programs_and_spreadsheets_and_papers(made, tmp_path):
    ablation, _ = made
    write_ablation(ablation, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ABLATION_FILES)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["features"]["network"] == "mean colour"
    assert [one["step"] for one in report["runs"]["a"]["checkpoints"]] == [10, 20, 30]
    assert report["runs"]["a"]["checkpoints"][2]["source"].endswith("generator.h5")
    assert report["best"]["content_distance"] == {"run": "a", "step": 30}
    assert (report["best"]["yuv"], report["best_is_biased"]) == (None, BIASED)
    assert "pictures" not in report
    with open(tmp_path / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 4 * len(ablation.metrics)
    (row,) = [row for row in rows if (row["run"], row["step"], row["metric"]) == ("a", "20", "frechet_anime")]
    result = ablation.measured[1].result("frechet_anime")
    assert (float(row["value"]), float(row["low"]), float(row["high"])) == (result.value, *result.interval)
    (row,) = [row for row in rows if (row["run"], row["step"], row["metric"]) == ("a", "20", "ms_ssim")]
    assert (row["value"], row["low"], row["note"]) == ("", "", "not measured: no picture has this score")
    latex = (tmp_path / "results.tex").read_text()
    assert r"metric & a, step 30 & b \& c, step 10 \\" in latex
    assert latex.count("\\\\") == len(ablation.metrics) + 1
    assert re.search(r"mean difference to the photo \$\\downarrow\$ & 0 \[0, 0\] & 0\.\d+ \[", latex)


def test_the_page_has_curves_pictures_and_every_number(made, tmp_path):
    ablation, _ = made
    write_ablation(ablation, tmp_path)
    text = (tmp_path / "report.html").read_text()
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', text, re.DOTALL))
    assert list(sections) == ["best", "curves", "pictures", "numbers", "networks", "problems"]
    assert "http" not in text
    assert BIASED in sections["best"]
    value = '<td title="50 pictures" data-value="0.0">0 <small>[0, 0]</small></td>'
    row = f'mean difference to the photo ↓</th><td>a</td><td data-value="30">30</td>{value}</tr>'
    assert row in sections["best"]
    charts = dict(re.findall(r"<figcaption>(.*?)</figcaption>(.*?)</figure>", sections["curves"]))
    chart = charts["mean difference to the photo"]
    assert [len(points.split()) for points in re.findall(r'<polyline class="\S+" points="(.*?)"', chart)] == [3, 1]
    assert chart.count("band") == 1  # of the three steps of a; b has one step, and a whisker
    assert chart.count("whisker") == 1
    assert "MS-SSIM to the photo" not in charts
    assert "for the reasons below the numbers: MS-SSIM to the photo; " in sections["curves"]
    note = "<li>not measured: no picture has this score<br><small>MS-SSIM to the photo; face still found, "
    assert sections["numbers"].count(note) == 2
    assert sections["pictures"].count("<img") == (1 + 3) + (1 + 1)
    assert re.findall(r"<figcaption>(.*?)</figcaption>", sections["pictures"]) == [
        "photos", "step 10", "step 20", "step 30", "photos", "step 10",
    ]  # fmt: skip
    assert sections["numbers"].count("<h3>") == 2
    assert "<h3>b &amp; c</h3>" in sections["numbers"]
    assert "state-000020.h5" in sections["problems"]


def test_when_no_checkpoint_is_left_the_reasons_are_given(folder, tmp_path, stylised):
    path = write_checkpoint(tmp_path / "c", 5, 0.5)
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"no checkpoint could be measured: .*000005.* begin like a state file; name"):
        run(folder, tmp_path / "out", [f"{tmp_path}/c"])


def test_weights_that_fit_no_network_are_reported_and_the_rest_goes_on(folder, tmp_path, monkeypatch):
    make = plain_stylizer([])

    def misfit(generator):
        if generator.header["step"] == 10:
            raise UnfitGenerator(f"weights {str(generator.source)!r} do not fit the generator")
        return make(generator)

    monkeypatch.setattr(ablations, "stylizer_from", misfit)
    ablation = run(folder, tmp_path, ["{}/a"], replicates=0)
    assert [one.step for one in ablation.measured] == [20, 30]
    assert ablation.problems == (f"weights '{folder / 'a' / 'state-000010.h5'}' do not fit the generator",)


@pytest.mark.parametrize("kind", ["photo", "anime"])
def test_a_report_among_the_pictures_would_be_measured_itself(folder, kind, stylised):
    with pytest.raises(UserError, match=rf"lies in --{kind}.*, whose pictures it would join"):
        run(folder, folder / kind / "report", ["{}/a"])
    assert not (folder / kind / "report").exists()


def test_two_processes_do_not_draw_in_one_folder(folder, tmp_path, stylised):
    (tmp_path / "generated").mkdir()
    with only_process(tmp_path / "generated"), pytest.raises(UserError, match="is being drawn in already; wait"):
        run(folder, tmp_path, ["{}/a"])


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium or Chrome on the PATH")
@pytest.mark.parametrize("width", [1200, 400])
def test_a_browser_shows_the_page_without_complaint(made, tmp_path, width):
    write_ablation(made[0], tmp_path / "report")
    with browser(tmp_path) as tab:
        tab.screen(width, 800)
        tab.open((tmp_path / "report" / "report.html").as_uri())
        sizes = "[...document.querySelectorAll('figure > svg, .film img')].map(e => e.getBoundingClientRect().width)"
        assert min(tab.evaluate(sizes)) > 80
        assert tab.evaluate("document.documentElement.scrollWidth") <= width  # nothing to scroll sideways
        assert tab.errors == []
