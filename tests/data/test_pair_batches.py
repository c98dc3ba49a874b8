import json
from collections import Counter

import cv2
import numpy as np
import pytest
from helpers.tiny_pairs import pairs_style, write_pairs

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import write_image
from animegan3_tf.data.pair_dataset import PairBatches, open_pairs

SHAPES = {"small": (4, 16, 16, 3), "large": (2, 24, 24, 3)}
CALM = {"pairs.varied": 0.0, "pairs.flip": False}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return open_pairs(write_pairs(tmp_path_factory.mktemp("pairs"), 12))


def batches(pictures, settings=None, seed=0, **more):
    return PairBatches(pairs_style(settings).pairs, pictures, seed, **more)


def test_each_kind_has_its_turns_in_every_cycle(pictures):
    data = batches(pictures)
    shapes = [data.batch(step)["photo"].shape for step in range(30)]
    for cycle in range(10):
        assert Counter(shapes[3 * cycle : 3 * cycle + 3]) == {SHAPES["small"]: 2, SHAPES["large"]: 1}
    assert len({shapes.index(SHAPES["large"], 3 * c) % 3 for c in range(10)}) > 1  # not always in the same order


def test_the_drawing_follows_the_photo_in_every_variation(pictures):
    """The teacher halves the contrast and swaps red and blue; light is multiplied in, so equal factors cancel."""
    data = batches(pictures, {"pairs.varied": 1.0, "pairs.cast": 0.0, "pairs.brightness": [0.7, 1.0]})
    for step in range(6):
        crops = data.batch(step)
        photo, drawing = ((crops[name] + 1) * 127.5 for name in ("photo", "drawing"))
        # drawing = light * (p / 2 + 64) and photo = light * p, whatever the light; 1 for rounding, 2 for resizing
        light = (drawing - photo[..., ::-1] / 2) / 64
        assert (np.abs(light - light.mean(axis=(1, 2, 3), keepdims=True)) * 64 < 3).all()
        assert ((light.mean(axis=(1, 2, 3)) > 0.68) & (light.mean(axis=(1, 2, 3)) < 1.02)).all()


def test_the_drawing_of_a_dark_photo_may_stay_lighter(tmp_path):
    for folder in ("photo", "anime"):
        for name in "ab":
            write_image(tmp_path / folder / f"{name}.png", np.full((64, 64, 3), 200, np.uint8))
    settings = {"pairs.varied": 1.0, "pairs.cast": 0.0, "pairs.brightness": [0.5, 0.5], "pairs.drawing_light": 0.65}
    crops = batches(open_pairs(tmp_path), settings).batch(0)
    np.testing.assert_allclose((crops["photo"] + 1) * 127.5, 100, atol=0.01)
    np.testing.assert_allclose((crops["drawing"] + 1) * 127.5, 200 * 0.5**0.65, atol=0.01)


def test_the_photo_alone_is_softened(tmp_path):
    stripes = np.tile(np.array([[[0] * 3], [[255] * 3]], np.uint8), (32, 64, 1))
    for folder in ("photo", "anime"):
        for name in "ab":
            write_image(tmp_path / folder / f"{name}.png", stripes)
    kind = {"only": {"turns": 1, "count": 8, "crop": 64, "scales": [64, 64]}}
    settings = {**CALM, "pairs.batches": kind, "pairs.soft": 1.0, "pairs.softest": 2.5}
    data = batches(open_pairs(tmp_path), settings)
    crops = [data.batch(step) for step in range(3)]
    contrast = {name: np.concatenate([crop[name].std(axis=(1, 2, 3)) for crop in crops]) for name in crops[0]}
    np.testing.assert_allclose(contrast["drawing"], 1.0, atol=1e-3)
    assert contrast["photo"].max() < 0.99
    assert contrast["photo"].min() < 0.35


def test_pictures_keep_their_levels_without_variations(tmp_path):
    for name, level in (("a", 51), ("b", 51)):
        for folder in ("photo", "anime"):
            write_image(tmp_path / folder / f"{name}.png", np.full((64, 64, 3), level, np.uint8))
    found = batches(open_pairs(tmp_path), CALM).batch(0)
    np.testing.assert_allclose(found["photo"], 51 / 127.5 - 1, atol=1e-6)
    assert found["photo"].dtype == found["drawing"].dtype == np.float32


def test_bright_light_stays_in_range(tmp_path):
    for folder in ("photo", "anime"):
        for name in "ab":
            write_image(tmp_path / folder / f"{name}.png", np.full((64, 64, 3), 250, np.uint8))
    settings = {"pairs.varied": 1.0, "pairs.brightness": [1.15, 1.15]}
    assert batches(open_pairs(tmp_path), settings).batch(0)["photo"].max() == pytest.approx(1.0)


def test_a_crop_lies_in_the_middle_more_often_than_at_the_edge(tmp_path):
    """An image in which each place has a level of its own: x in red."""
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2) * 4
    for folder in ("photo", "anime"):
        for name in "ab":
            write_image(tmp_path / folder / f"{name}.png", ramp)
    kind = {"only": {"turns": 1, "count": 8, "crop": 16, "scales": [64, 64]}}
    data = batches(open_pairs(tmp_path), {**CALM, "pairs.batches": kind})
    lefts = np.concatenate([(data.batch(s)["photo"][:, 0, 0, 0] + 1) * 127.5 / 4 for s in range(40)])
    assert lefts.min() < 8
    assert lefts.max() > 40
    assert ((lefts > 12) & (lefts < 36)).mean() > 0.6  # half of the places, of 49


def test_each_pair_comes_once_an_epoch_and_those_held_out_never(pictures, tmp_path):
    for number in range(12):  # each pair flat, in a level of its own
        for folder in ("photo", "anime"):
            write_image(tmp_path / folder / f"{number:02d}.png", np.full((64, 64, 3), 10 * number, np.uint8))
    data = batches(open_pairs(tmp_path), CALM)
    assert len(data.held_out) in range(1, 6)
    trained = 12 - len(data.held_out)
    levels = np.concatenate([(data.batch(s)["photo"][:, 0, 0, 0] + 1) * 127.5 for s in range(60)]).round() / 10
    assert set(levels) == set(range(12)) - set(data.held_out)
    for epoch in range(5):
        assert len(set(levels[epoch * trained : (epoch + 1) * trained])) == trained


def test_the_nth_batch_depends_on_the_seed_and_its_number_alone(pictures):
    first, second, other = batches(pictures), batches(pictures), batches(pictures, seed=1)
    late = second.batch(17)
    for step in range(5):
        first.batch(step)
    np.testing.assert_array_equal(first.batch(17)["photo"], late["photo"])
    assert not np.array_equal(other.batch(17)["photo"], late["photo"])


def test_a_dataset_begins_where_it_is_told_to(pictures):
    data = batches(pictures)
    for step, found in zip(range(7, 12), data.batches(start_step=7)):
        for name in ("photo", "drawing"):
            np.testing.assert_array_equal(found[name], data.batch(step)[name])


def test_devices_and_hosts_share_a_batch(pictures):
    """Two hosts of one device each, and one host of two, see the halves of what one device sees."""
    data = batches(pictures)
    hosts = [iter(data.batches(3, worker, 2, 2)) for worker in range(2)]
    devices = iter(data.batches(3, 0, 1, 2))
    for step in range(3, 6):
        whole = data.batch(step)["photo"]
        of_hosts = [next(host)["photo"] for host in hosts]
        np.testing.assert_array_equal(np.concatenate(of_hosts), whole)
        np.testing.assert_array_equal(np.concatenate([next(devices)["photo"] for _ in range(2)]), whole)


def test_a_pair_that_cannot_be_read_is_left_out_with_a_warning(tmp_path):
    folder = write_pairs(tmp_path, 12)
    held_out = batches(open_pairs(folder)).held_out
    broken = next(number for number in range(12) if number not in held_out)
    (folder / "photo" / f"{broken:02d}.png").write_bytes(b"broken")
    lines = []
    data = batches(open_pairs(folder), warn=lines.append)
    for step in range(12):
        data.batch(step)
    assert len(lines) == 1
    assert f"{broken:02d}.png" in lines[0]


def test_a_folder_of_which_nothing_can_be_read(tmp_path):
    folder = write_pairs(tmp_path, 3)
    for path in (folder / "photo").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"no picture in .* can be read"):
        batches(open_pairs(folder), warn=lambda line: None)


def test_eyes_are_marked_where_they_are_after_every_variation(tmp_path):
    """The photo is white where the marks must be: 34 x 28 % of the distance of 30 about (25, 30) and (55, 30)."""
    photo = np.zeros((80, 80, 3), np.uint8)
    for x in (25, 55):
        cv2.ellipse(photo, (x, 30), (10, 8), 0, 0, 360, (255, 255, 255), cv2.FILLED)
    for name in "ab":
        for folder in ("photo", "anime"):
            write_image(tmp_path / folder / f"{name}.png", photo)
    points = [[25, 30], [55, 30], [40, 45], [30, 60], [50, 60]]
    records = {name: {"landmarks": points} for name in "ab"}
    (tmp_path / "manifest.json").write_text(json.dumps({"pairs": records}))
    kind = {"only": {"turns": 1, "count": 4, "crop": 64, "scales": [64, 96]}}
    settings = {"pairs.batches": kind, "pairs.varied": 0.0, "pairs.eyes": 2.0}
    data = batches(open_pairs(tmp_path), settings)
    for step in range(4):
        crops = data.batch(step)
        assert crops["eyes"].shape == (4, 64, 64, 1)
        np.testing.assert_allclose(crops["eyes"], (crops["photo"][..., :1] + 1) / 2, atol=0.01)
    (streamed,) = data.batches().take(1)
    np.testing.assert_array_equal(streamed["eyes"], data.batch(0)["eyes"])
    assert "eyes" not in batches(open_pairs(tmp_path), {"pairs.batches": kind}).batch(0)
