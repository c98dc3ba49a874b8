"""`animegan3 compare` from the command line: bad input, and a run over every kind of method."""

import json

import pytest
from helpers.prepared_folders import picture
from helpers.tiny_training import write_pictures

from animegan3_tf.common.images import write_image
from animegan3_tf.reports.comparison import FILES


@pytest.fixture
def folder(tmp_path):
    """Two photos, two anime pictures, and a method's pictures of both photos, larger."""
    write_pictures(tmp_path / "photo", 2, side=64)
    write_pictures(tmp_path / "anime", 2, side=64, first=20)
    for i in range(2):
        write_image(tmp_path / "theirs" / f"{i:02d}.jpg", 255 - picture(i, 80))
    return tmp_path


def arguments(folder, *more, models=None, **changes):
    values = {"photos": folder / "photo", "anime": folder / "anime", "out": folder / "report"} | changes
    models = [f"theirs={folder / 'theirs'}"] if models is None else models
    words = [word for name, value in values.items() for word in (f"--{name}", value)]
    return ["compare", *words, *(word for model in models for word in ("--model", model)), *more]


def test_pictures_made_elsewhere_alone_make_a_report(call, folder):
    status, out, errors = call(*arguments(folder))
    assert (status, errors) == (0, "")
    assert sorted(path.name for path in (folder / "report").iterdir()) == sorted(FILES)
    assert "theirs: 2 of 2 pictures resized to the photos' size, from 80x80" in out
    assert out.endswith(f"report: {folder / 'report' / 'report.html'}\n")
    (method,) = json.loads((folder / "report" / "report.json").read_text())["methods"]
    assert (method["kind"], method["pictures"], method["speed"], method["memory"]) == ("pictures", 2, {}, None)
    assert method["resized_from"] == {"00": "80x80", "01": "80x80"}


def test_a_broken_photo_or_picture_is_reported_the_rest_goes_on_and_the_status_is_1(call, folder):
    (folder / "photo" / "broken.png").write_bytes(b"nothing")
    (folder / "theirs" / "01.jpg").write_bytes(b"nothing")
    status, out, errors = call(*arguments(folder, "--no-timing"))
    assert status == 1
    assert len(errors.splitlines()) == 2
    assert "broken.png" in errors
    assert "01.jpg" in errors
    assert "report:" in out
    report = json.loads((folder / "report" / "report.json").read_text())
    assert (report["photos"]["pictures"], report["methods"][0]["pictures"]) == (2, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"models": ["v3"]}, "--model 'v3' is not NAME=PATH"),
        ({"models": ["v3=nowhere"]}, "--model v3: 'nowhere' does not exist; name a folder of pictures"),
        ({"models": ["v3=a", "v3=b"]}, "--model 'v3' is given twice"),
        ({"models": ["<i>=a"]}, "'<i>' cannot name a method"),
        ({"models": ["v3=EMPTY"]}, "holds neither a model nor pictures"),
        ({"models": ["v3=ANIME/00.png"]}, "is in no known format"),
        ({"photos": "nowhere"}, "--photos 'nowhere' is not a folder"),
        ({"photos": "EMPTY"}, "holds no pictures; name a folder that does"),
        ({"anime": "nowhere"}, "--anime 'nowhere' is not a folder"),
        ({"anime": "EMPTY"}, "holds no pictures; name a folder that does"),
        ({"out": __file__}, "is a file; name a folder"),
        ({"out": f"{__file__}/report"}, "cannot be written to"),
        ({"sizes": "100"}, "--sizes 100: a side is 100; it must be a multiple of 8"),
        ({"size": "16"}, "--size 16 is too small for a comparison; give 64 or more"),
        ({"features": "vgg"}, "features 'vgg' are not known"),
        ({"distance": "vgg"}, "distance 'vgg' is not known"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_nothing(call, folder, change, words):
    (folder / "empty").mkdir()
    stand = {"EMPTY": str(folder / "empty"), "ANIME": str(folder / "anime")}

    def placed(text):
        for name, path in stand.items():
            text = text.replace(name, path)
        return text

    change = {key: [*map(placed, v)] if isinstance(v, list) else placed(str(v)) for key, v in change.items()}
    status, out, errors = call(*arguments(folder, **change))
    assert (status, out) == (1, "")
    assert errors.startswith("animegan3: ")
    assert errors.count("\n") == 1
    assert words in errors
    assert not (folder / "report").exists()
