import json
import re

import numpy as np
import pytest
from helpers.data_sets import data_set
from helpers.prepared_folders import digests
from helpers.sharded_folders import make_shards
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import write_image
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets
from animegan3_tf.inspection.inspect import inspect


@pytest.fixture
def folders(tmp_path):
    return data_set(tmp_path / "data")


def test_everything_is_found_and_nothing_is_written(folders, tmp_path):
    before = digests(tmp_path)
    seen = []
    found = inspect(tiny_style(), *folders, on_progress=lambda *step: seen.append(step)).to_dict()
    assert digests(tmp_path) == before
    assert [step[:2] for step in seen] == [(i, 12) for i in range(1, 13)]
    photos, anime = found["photos"], found["anime"]
    assert (photos["found"], photos["readable"], anime["found"], anime["readable"]) == (8, 7, 4, 4)
    assert list(photos["rejected"]) == ["broken.jpg"]
    assert "is not a whole JPEG" in photos["rejected"]["broken.jpg"]
    assert photos["grey"] == ["grey.png"]
    assert photos["letterboxed"] == ["barred.png"]
    assert photos["duplicates"] == [["0.png", "again.png"]]
    assert found["in_both_folders"] == [["1.png", "photo.png"]]
    assert photos["width"] == [96, 96, 224]
    assert photos["formats"] == {"PNG": 7}
    assert sum(photos["histograms"]["red"]) == pytest.approx(1, abs=1e-3)
    assert found["missing_targets"] == {"superpixel": 8, "l0": 8, "smooth": 4}
    assert json.loads(json.dumps(found)) == found


def test_each_warning_is_told(folders):
    warnings = "\n".join(inspect(tiny_style({"data.image_size": 80}), *folders).warnings)
    for words in (
        r"photos: 1 of 8 cannot be read",
        r"photos: 7 pictures are few; 500 or more",
        r"anime: 4 pictures are few",
        r"photos: aspect ratios are mixed, 1\.00 to 2\.",
        r"photos: 1 \(grey\.png\) is without colour",
        r"photos: 1 \(barred\.png\) is letterboxed",
        r"photos: 1 of 7 can go, as they look like others",
        r"anime: 3 \(0\.png, 1\.png, 2\.png\) are smaller than the 80-pixel crops",
        r"anime are much darker than photos",
        r"anime: red stands out by \+",
        r"1 in both folders \(1\.png = photo\.png\)",
        r"targets to be made: 8 superpixel, 8 l0, 4 smooth",
    ):
        assert re.search(words, warnings), (words, warnings)


def test_a_set_without_faults_has_no_warnings(tmp_path, monkeypatch):
    from helpers.prepared_folders import picture

    from animegan3_tf.common.images import resize, write_image
    from animegan3_tf.inspection import inspect as inspecting

    monkeypatch.setattr(inspecting, "ENOUGH", 3)
    folders = tmp_path / "photo", tmp_path / "tiny" / "style"
    for number, folder in enumerate(folders):
        for i in range(3):
            write_image(folder / f"{i}.png", resize(picture(10 * number + i), (48, 48)) // 4 * 3 + 30)
    style = tiny_style({"data.balance": "mean"})
    prepare(style_targets(style, *folders))
    assert inspect(style, *folders).warnings == []


def test_folders_without_pictures_are_named(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty' holds no pictures; name another with --anime"):
        inspect(tiny_style(), folders[0], tmp_path / "empty")
    with pytest.raises(UserError, match=r"nowhere' is not a folder"):
        inspect(tiny_style(), tmp_path / "nowhere", folders[1])


@pytest.mark.parametrize("kind", ["photos", "anime"])
def test_shards_are_named_as_such(folders, tmp_path, kind):
    make_shards(folders, tmp_path / "shards")
    shards = {"photos": tmp_path / "shards" / "photo", "anime": tmp_path / "shards" / "tiny" / "style"}
    given = {"photos": folders[0], "anime": folders[1], kind: shards[kind]}
    with pytest.raises(UserError, match=rf"holds shards; name the pictures they were made of with --{kind}$"):
        inspect(tiny_style(), **given)


def test_a_folder_of_which_nothing_can_be_read(folders, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "a.jpg").write_bytes(b"")
    found = inspect(tiny_style(), bad, folders[1])
    assert found.warnings[:2] == [
        "photos: 1 of 1 cannot be read and will be left out",
        "photos: 0 pictures are few; 500 or more keep the discriminator from learning them by heart",
    ]
    assert found.to_dict()["photos"]["width"] is None


def test_blank_pictures_and_their_copies_are_found(folders, tmp_path):
    photos, anime = folders
    for name, level in (("black.png", 0), ("black2.png", 0), ("white.png", 255)):
        write_image(anime / name, np.full((96, 96, 3), level, np.uint8))
    write_image(photos / "black.png", np.zeros((96, 96, 3), np.uint8))
    inspection = inspect(tiny_style(), photos, anime)
    found = inspection.to_dict()
    assert found["anime"]["blank"] == ["black.png", "black2.png", "white.png"]
    assert found["photos"]["blank"] == ["black.png"]
    assert found["anime"]["duplicates"] == [["black.png", "black2.png"]]
    assert ["black.png", "black.png"] in found["in_both_folders"]
    warnings = "\n".join(inspection.warnings)
    assert "anime: 3 (black.png, black2.png, white.png) are blank, of one colour" in warnings
    assert "anime: 1 of 7 can go, as they look like others" in warnings
