"""All kinds of methods in one report, from the command line."""

import json

import pytest


@pytest.mark.slow
def test_three_generations_a_tflite_file_and_a_folder_in_one_report(call, made, folder):
    """The TFLite file and the folder hold the same negatives, so that their numbers must agree."""
    models = {
        "v3": made / "run",
        "v2": f"animegan2:{made / 'animegan2.ckpt'}",
        "v1": made / "animegan1.ckpt",
        "lite": made / "negative.tflite",
        "folder": folder / "negatives",
    }
    words = [word for name, path in models.items() for word in ("--model", f"{name}={path}")]
    status, out, errors = call(
        "compare", "--photos", folder / "photo", "--anime", folder / "anime", *words, "-o", folder / "report",
        "--sizes", "32,64", "--rounds", 2, "--features", f"resnet18:{made / 'half.npz'}", "--no-faces",
        "--cache", folder / "cache", "--shown", 1,
    )  # fmt: skip
    assert status == 0
    assert "animegan3:" not in errors
    assert "folder: no picture of 1 of 3 photos" in out
    report = json.loads((folder / "report" / "report.json").read_text())
    methods = {method["name"]: method for method in report["methods"]}
    assert list(methods) == list(models)
    assert [method["parameters"] for method in methods.values()] == [1_027_520, 2_143_552, 3_956_096, None, None]
    assert [method["pictures"] for method in methods.values()] == [3, 3, 3, 3, 2]
    assert [sorted(method["speed"]) for method in methods.values()] == [["32x32", "64x64"]] * 3 + [["64x64"], []]
    assert {speed["ratio"]["to"] for method in report["methods"] for speed in method["speed"].values()} == {"v3"}
    assert [len(method["speed"]["64x64"]["calls_ms"]) for method in report["methods"][:4]] == [2] * 4
    peaks = methods["v1"]["memory"]["peak_bytes"]
    assert 100e6 < peaks["32x32"] <= peaks["64x64"]
    assert methods["folder"]["missing"] == {"01": "there is no picture of its name"}
    scores = {(row["method"], row["photo"]): row for row in report["pictures"]}
    for photo in ("00", "more/02"):
        ours, theirs = scores["lite", photo], scores["folder", photo]
        assert ours["ciede2000"] > 1.0
        for key in ("content_distance", "ciede2000", "yuv", "edge_retention", "flatness"):
            assert ours[key] == pytest.approx(theirs[key], abs=1e-3)  # the photo's own levels come back exactly
    assert report["metrics"]["features"]["network"].startswith("half ResNet-18")
    (few,) = (result for result in methods["v3"]["results"] if result["key"] == "frechet_anime")
    assert few["note"] == "not measured: 3 pictures are too few; each set needs 50 or more"
    text = (folder / "report" / "report.html").read_text()
    assert text.count('<article class="photo">') == 1
    assert "1 of 3 photos" in text
