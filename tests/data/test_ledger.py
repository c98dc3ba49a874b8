import hashlib
import json

import numpy as np
import pytest
from helpers.prepared_folders import counts, digests, picture

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import anime_targets, photo_targets


def test_manifest_records_source_target_maker_and_parameters(photos):
    prepare(photo_targets(photos, lam=0.03))
    book = json.loads((photos.parent / "manifest.json").read_text())
    assert set(book) == {"photo_superpixel", "photo_l0"}
    record, source = book["photo_l0"]["b.jpg"], photos / "b.jpg"
    assert record["parameters"] == {"lam": 0.03, "sides": None}
    assert record["source_bytes"] == source.stat().st_size
    assert record["source_sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    target = photos.parent / "photo_l0" / "b.png"
    assert record["target_sha256"] == hashlib.sha256(target.read_bytes()).hexdigest()
    assert set(record["made_by"]) == {"function", "animegan3_tf", "scikit-image", "opencv", "numpy"}
    assert not (photos.parent / "rejected.json").exists()


def test_a_target_without_a_record_is_not_trusted(photos):
    prepare(photo_targets(photos))
    whole = digests(photos.parent)
    (photos.parent / "manifest.json").unlink()
    (photos.parent / "photo_l0" / "a.png").write_bytes(b"half")
    (photos.parent / "photo_l0" / ".0123.tmp").write_bytes(b"left by a kill")
    assert counts(prepare(photo_targets(photos))) == (6, 0, 0)
    (photos.parent / "photo_l0" / ".0123.tmp").unlink()
    assert digests(photos.parent) == whole


def test_unreadable_source_is_rejected_with_a_reason_until_it_is_fixed(photos):
    good = (photos / "a.png").read_bytes()
    prepare(photo_targets(photos))
    (photos / "a.png").write_bytes(good[:60])
    report = prepare(photo_targets(photos))
    assert counts(report) == (0, 4, 1)
    assert "a.png" in report.rejected[photos / "a.png"]
    reasons = json.loads((photos.parent / "rejected.json").read_text())
    assert set(reasons) == {"photo_superpixel", "photo_l0"}
    assert set(reasons["photo_l0"]) == {"a.png"}
    assert "\n" not in reasons["photo_l0"]["a.png"]
    assert not (photos.parent / "photo_l0" / "a.png").exists()  # no stale target passes for the broken source's

    (photos / "a.png").write_bytes(good)
    assert counts(prepare(photo_targets(photos))) == (2, 4, 0)
    assert not (photos.parent / "rejected.json").exists()


def test_of_two_sources_with_one_target_the_second_is_rejected(photos):
    write_image(photos / "a.jpg", picture(5))
    report = prepare(photo_targets(photos))
    assert counts(report) == (6, 0, 1)
    assert "'a.jpg' would both become 'a.png'" in report.rejected[photos / "a.png"]
    assert counts(prepare(photo_targets(photos))) == (0, 6, 1)
    (photos / "a.jpg").unlink()
    assert counts(prepare(photo_targets(photos))) == (2, 4, 0)
    target = read_image(photos.parent / "photo_superpixel" / "a.png").rgb
    assert np.abs(target.astype(int) - picture(0)).mean() < np.abs(target.astype(int) - picture(5)).mean()


def test_target_of_a_deleted_source_goes(photos):
    prepare(photo_targets(photos))
    (photos / "b.jpg").unlink()
    assert counts(prepare(photo_targets(photos))) == (0, 4, 0)
    assert set(digests(photos.parent / "photo_l0")) == {"a.png", "more/c.png"}
    assert "b.jpg" not in json.loads((photos.parent / "manifest.json").read_text())["photo_l0"]


def test_a_foreign_manifest_is_not_overwritten(photos):
    manifest = photos.parent / "manifest.json"
    manifest.write_text('{"images": ["a.png"]}')
    with pytest.raises(UserError, match="was not written by prepare"):
        prepare(photo_targets(photos))
    assert manifest.read_text() == '{"images": ["a.png"]}'


def test_stages_on_two_folders_keep_separate_books(photos, anime):
    assert counts(prepare([*photo_targets(photos), *anime_targets(anime)])) == (8, 0, 0)
    assert set(json.loads((anime.parent / "manifest.json").read_text())) == {"smooth"}
    # A run on one stage alone leaves the other stages' records in the shared manifest.
    prepare(photo_targets(photos, lam=0.04)[1:])
    assert set(json.loads((photos.parent / "manifest.json").read_text())) == {"photo_superpixel", "photo_l0"}
