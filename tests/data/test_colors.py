import json

import numpy as np
import pytest
from helpers.prepared_folders import picture

from animegan3_tf.common.images import write_image
from animegan3_tf.data import colors
from animegan3_tf.data.colors import ColorTally, folder_colors, histograms, record_colors
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import photo_targets


def flat(red, green, blue, size=(8, 8)):
    return np.full((*size, 3), (red, green, blue), np.uint8)


def test_statistics_by_hand():
    """Two pictures count alike, whatever their sizes. Deviations over all pixels: red +-50, green +-1, blue none."""
    tally = ColorTally()
    tally.add(histograms(flat(100, 10, 7)))
    tally.add(histograms(flat(200, 12, 7, size=(40, 30))))
    values = tally.to_dict()
    assert (values["pictures"], values["mean"], values["deviation"]) == (2, [150, 11, 7], [50, 1, 0])
    # 0.299 R + 0.587 G + 0.114 B: 36.57 and 67.64, rounded to levels
    assert values["brightness"] == pytest.approx((37 + 68) / 2)
    assert tally.histograms.sum(axis=1) == pytest.approx(1.0)


def test_no_pictures():
    assert ColorTally().to_dict()["pictures"] == 0


def test_they_are_recorded_beside_the_folder_and_measured_again_only_after_a_change(photos, monkeypatch):
    (photos / "broken.png").write_bytes(b"no picture")
    seen = []
    first = record_colors(photos, on_progress=lambda *step: seen.append(step))
    assert first["pictures"] == 3
    assert [step[:2] for step in seen] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    book = json.loads((photos.parent / "manifest.json").read_text())
    assert book["colors"]["photo"]["mean"] == first["mean"]

    monkeypatch.setattr(colors, "thumbnail", lambda *_: pytest.fail("measured again"))
    assert record_colors(photos) == folder_colors(photos) == first
    monkeypatch.undo()
    write_image(photos / "a.png", flat(250, 0, 0))
    changed = folder_colors(photos)
    assert changed["mean"][0] > first["mean"][0]
    assert json.loads((photos.parent / "manifest.json").read_text()) == book  # asking writes nothing
    assert record_colors(photos) == changed


def test_targets_and_colours_leave_each_other_in_the_manifest(photos):
    record_colors(photos)
    prepare(photo_targets(photos))
    other = photos.with_name("more")
    write_image(other / "a.png", picture(3))
    record_colors(other)
    book = json.loads((photos.parent / "manifest.json").read_text())
    assert {part: len(entries) for part, entries in book.items()} == {"colors": 2, "photo_l0": 3, "photo_superpixel": 3}
