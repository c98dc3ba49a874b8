"""What stands in the tables, by hand, and the same in every format."""

import csv
import json
import re

import pytest
from helpers.comparisons import PHOTOS, comparison

from animegan3_tf.reports.comparison import FILES, cost_table, not_measured, score_table, write_comparison


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    found = comparison(folder)
    write_comparison(found, folder / "report", 2)
    return found, folder / "report"


def cells(table, method):
    (row,) = (row for row in table.rows if row[0].text == method)
    return {column.key: cell for column, cell in zip(table.columns[1:], row[1:])}


def test_the_cost_of_each_method(made):
    ours, theirs = (cells(cost_table(made[0]), name) for name in ("ours", "theirs_2"))
    assert list(ours) == [
        "kind", "parameters", "bytes", "gflop_256", "ms_64x64", "ratio_64x64", "ms_256x128", "ratio_256x128",
        "peak_memory",
    ]  # fmt: skip
    assert {key: cell.whole() for key, cell in ours.items()} == {
        "kind": "run",
        "parameters": "1,027,520",
        "bytes": "2.5",
        "gflop_256": "14.82",
        "ms_64x64": "20 [10, 40]",
        "ratio_64x64": "1",
        "ms_256x128": "100 [100, 100]",
        "ratio_256x128": "1",
        "peak_memory": "1,500",
    }
    assert {key: cell.whole() for key, cell in theirs.items()} == {
        "kind": "TFLite",
        "parameters": "-",
        "bytes": "1.23",
        "gflop_256": "-",
        "ms_64x64": "30 [30, 40]",
        "ratio_64x64": "1.5 [1, 3]",
        "ms_256x128": "-",
        "ratio_256x128": "-",
        "peak_memory": "350",
    }
    assert theirs["ms_64x64"].value == 30.0
    assert theirs["peak_memory"].value == 350 * 2**20


def test_the_scores_of_each_method_without_what_none_has(made):
    ours, theirs = (cells(score_table(made[0]), name) for name in ("ours", "theirs_2"))
    assert {key: cell.whole() for key, cell in ours.items()} == {
        "pictures": "2", "ms_ssim": "0.5 [0.4, 0.75]", "flatness": "-"
    }  # fmt: skip
    assert {key: cell.whole() for key, cell in theirs.items()} == {
        "pictures": "1", "ms_ssim": "0.125", "flatness": "0.25"
    }  # fmt: skip
    assert not_measured(made[0]) == [
        "FID to anime: not measured: too few",
        "flat of ours: not measured: none",
        "distances between sets, such as FID: not measured: --features names no network",
    ]


def test_what_a_reader_must_know_is_said(made):
    found, _ = made
    assert found.entries[0].notes(2) == []
    assert found.entries[1].notes(2) == [
        "no picture of 1 of 2 photos, so its scores are of fewer",
        "1 of 1 pictures resized to the photos' size, from 32x32",
        "takes 64x64 only: timed at no other size; larger photos reduced to fit, results enlarged",
    ]
    assert found.problems == ["x: bad"]


def test_markdown_json_and_csv_agree(made):
    _, folder = made
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    report = json.loads((folder / "report.json").read_text())
    lines = (folder / "report.md").read_text().splitlines()
    tables = [[re.split(r" \| ", line.strip("| ")) for line in lines if line.startswith(f"| {name} |")] for name in
              ("method", "ours", r"theirs\_2")]  # fmt: skip
    (cost_heads, score_heads), *of_methods = tables
    with open(folder / "methods.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == [method["name"] for method in report["methods"]]
    for method, (cost, scores), row in zip(report["methods"], of_methods, rows):
        cost, scores = dict(zip(cost_heads, cost)), dict(zip(score_heads, scores))
        assert cost["parameters"].replace(",", "") == str(method["parameters"] or "-") == (row["parameters"] or "-")
        assert float(cost["ms at 64x64"].split()[0]) == method["speed"]["64x64"]["ms"] == float(row["ms_64x64"])
        assert float(row["ms_64x64_high"]) == method["speed"]["64x64"]["ms_high"]
        assert float(cost["× ours at 64x64"].split()[0]) == method["speed"]["64x64"]["ratio"]["median"]
        (value,) = (result["value"] for result in method["results"] if result["key"] == "ms_ssim")
        assert float(scores["MS-SSIM ↑"].split()[0]) == value == float(row["ms_ssim"])
        assert int(scores["pictures"]) == method["pictures"] == float(row["pictures"])
    assert report["methods"][1]["speed"]["64x64"]["ratio"] == {"to": "ours", "median": 1.5, "low": 1.0, "high": 3.0}
    assert report["methods"][1]["missing"] == {PHOTOS[0]: "gone"}
    assert report["methods"][0]["memory"]["peak_bytes"] == {"64x64": 500 * 2**20, "256x128": 1500 * 2**20}
    with open(folder / "pictures.csv", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {key: "" if value is None else str(value) for key, value in row.items()} for row in report["pictures"]
        ]
    assert [(row["method"], row["photo"], row["ms_ssim"]) for row in report["pictures"]] == [
        ("ours", PHOTOS[0], 0.25), ("ours", "z", 0.75), ("theirs_2", "z", 0.125)
    ]  # fmt: skip


def test_latex_has_a_row_a_method(made):
    text = (made[1] / "tables.tex").read_text()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"theirs\_2 & 1 & 0.125 & 0.25 \\" in text
    assert r"method & pictures & MS-SSIM $\uparrow$ & flat \\" in text
    for line in text.splitlines():
        if line.startswith(("method", "ours", "theirs")):
            assert len(re.findall(r"(?<!\\)&", line)) in (9, 3)


def test_the_page_shows_names_as_they_are_and_fetches_nothing(made):
    text = (made[1] / "report.html").read_text()
    assert "<b>a&b" not in text
    assert "&lt;b&gt;a&amp;b" in text
    assert "<CPU>" not in text
    assert "<net>" not in text
    assert not re.findall(r"https?:|url\(|@import|<link rel=.stylesheet|src=.(?!data:)", text)
    assert "default-src 'none'" in text
    assert text.count('<article class="photo">') == 2
    assert text.count('<div class="none">no picture</div>') == 1


def test_best_and_worst_cases_are_the_methods_own(made):
    text = (made[1] / "report.html").read_text()
    cases = text[text.index('<section id="cases">') : text.index('<section id="each-picture">')]
    ours, theirs = cases.split("<details")[1:]
    assert re.findall(r"<figcaption>(.*?)</figcaption>", ours) == [
        "z.png: 0.75", "&lt;b&gt;a&amp;b.png: 0.25", "&lt;b&gt;a&amp;b.png: 0.25", "z.png: 0.75"
    ]  # fmt: skip
    assert re.findall(r"<figcaption>(.*?)</figcaption>", theirs) == ["z.png: 0.125"] * 2
