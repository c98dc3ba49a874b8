import dataclasses
import itertools

import numpy as np
import pytest
from helpers.prepared_folders import picture
from helpers.tiny_training import tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import write_image
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets, target_folder, to_working_size

PLAIN = {"data.flip": False, "data.max_scale": 1.0}
SIZE = 16


def flat(level, shape=(SIZE, SIZE)):
    """An image of one gray level, so that the level identifies the image of an example."""
    return np.full((*shape, 3), level, np.uint8)


def positions(side, blue=0):
    """Red is the column, green the row."""
    rows, columns = np.mgrid[:side, :side].astype(np.uint8)
    return np.stack([columns, rows, np.full_like(rows, blue)], axis=-1)


def silent(line):
    pass


def mark_targets(style, photos, anime, function):
    """L0 targets that `function` makes from the picture, with the books of proper ones."""
    stages = {stage.name: stage for stage in style_targets(style, photos, anime)}

    def make(rgb, name, lam, sides):
        return function(to_working_size(rgb, sides))

    prepare([dataclasses.replace(stages["l0"], function=make)])


def take(data, count, start_step=0):
    return [{k: v.numpy() for k, v in batch.items()} for batch in itertools.islice(data.batches(start_step), count)]


def levels(pictures):
    return np.rint((np.asarray(pictures) + 1) * 127.5).astype(int)


@pytest.fixture
def folders(tmp_path):
    return write_pictures(tmp_path / "photo", 5), write_pictures(tmp_path / "anime", 3, first=10)


@pytest.fixture
def marked(tmp_path):
    """Seven photos and seven anime pictures, each of its own gray."""
    for name in ("photo", "anime"):
        for i in range(7):
            write_image(tmp_path / name / f"{i}.png", flat(10 * i))
    return tmp_path / "photo", tmp_path / "anime"


def test_devices_share_the_pictures_of_one_device_s_steps(folders):
    """Two processes of two devices each: together, in order, they see step for step what one device would."""
    data = TrainingData(tiny_style({**PLAIN, "train.batch_size": 4}), *folders, seed=3, warn=silent)
    whole = take(data, 2, start_step=1)
    shares = [list(itertools.islice(data.batches(1, worker, 2, 4), 4)) for worker in range(2)]
    for step, batch in enumerate(whole):
        parts = [share[2 * step + device] for share in shares for device in range(2)]
        for name, pictures in batch.items():
            np.testing.assert_array_equal(np.concatenate([part[name] for part in parts]), pictures)


def test_batches_are_what_the_trainer_takes(folders):
    (batch,) = take(TrainingData(tiny_style(), *folders, warn=silent), 1)
    assert set(batch) == {"photo", "photo_region", "anime", "anime_smooth"}
    for name, pictures in batch.items():
        assert pictures.shape == (2, SIZE, SIZE, 3), name
        assert pictures.dtype == np.float32
        assert -1 <= pictures.min() < pictures.max() <= 1
    assert not np.array_equal(batch["photo"], batch["photo_region"])


def test_a_style_without_a_region_target_has_none(folders):
    warnings = []
    changes = {"generator": "animegan2", "target.region_target": "none"}
    changes |= {f"perceptual.vgg19.{key}": 0.0 for key in ("region_fake", "region_photo", "revision")}
    (batch,) = take(TrainingData(tiny_style(changes), *folders, warn=warnings.append), 1)
    assert set(batch) == {"photo", "anime", "anime_smooth"}
    assert batch["photo"].shape == (2, SIZE, SIZE, 3)
    assert len(warnings) == 1  # of the smoothed anime alone
    assert "anime" in warnings[0]


def test_the_seed_and_the_number_decide_an_example(folders):
    style = tiny_style({"data.rotation": 8.0, "data.brightness": 0.1, "data.salt": 0.1})
    first = take(TrainingData(style, *folders, seed=3, warn=silent), 6)
    again = take(TrainingData(style, *folders, seed=3, warn=silent), 2, start_step=4)
    for ours, theirs in zip(first[4:], again):
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])
    (other,) = take(TrainingData(style, *folders, seed=4, warn=silent), 1)
    for name in other:
        assert not np.array_equal(other[name], first[0][name]), name


def test_an_epoch_shows_every_picture_once_each_time_in_another_order(marked):
    data = TrainingData(tiny_style({**PLAIN, "train.batch_size": 7}), *marked, warn=silent)
    epochs = {
        name: [levels(batch[name])[:, 0, 0, 0].tolist() for batch in take(data, 4)] for name in ("photo", "anime")
    }
    for orders in epochs.values():
        assert all(sorted(order) == [0, 10, 20, 30, 40, 50, 60] for order in orders)
        assert len({tuple(order) for order in orders}) == 4
    assert epochs["photo"] != epochs["anime"]


def test_a_photo_and_its_target_are_cut_and_mirrored_alike(tmp_path):
    """Target and photo both tell where each of their pixels was."""
    photos, anime = tmp_path / "photo", tmp_path / "anime"
    write_image(photos / "a.png", positions(40))
    write_image(anime / "x.png", flat(5))
    style = tiny_style({"data.max_scale": 2.5})
    mark_targets(style, photos, anime, lambda rgb: positions(len(rgb), blue=200))
    data = TrainingData(style, photos, anime, warn=silent)
    corners, mirrored = set(), set()
    for batch in take(data, 12):
        photos, regions = levels(batch["photo"]), levels(batch["photo_region"])
        np.testing.assert_array_equal(photos[..., :2], regions[..., :2])
        assert (regions[..., 2] == 200).all()
        assert (photos[..., 2] == 0).all()
        corners |= {tuple(photo[0, 0, :2]) for photo in photos}
        mirrored |= {bool(photo[0, 0, 0] > photo[0, -1, 0]) for photo in photos}
    assert len(corners) > 12  # crops differ in place
    assert mirrored == {False, True}


def test_without_flips_and_scaling_a_square_of_the_size_is_the_example_itself(tmp_path):
    original = picture(1, SIZE)
    write_image(tmp_path / "photo" / "a.png", original)
    write_image(tmp_path / "anime" / "x.png", flat(5))
    (batch,) = take(TrainingData(tiny_style(PLAIN), tmp_path / "photo", tmp_path / "anime", warn=silent), 1)
    np.testing.assert_array_equal(levels(batch["photo"][0]), original)


def test_small_pictures_are_enlarged_and_long_ones_keep_their_aspect(tmp_path):
    write_image(tmp_path / "photo" / "a.png", flat(77, (5, 9)))
    write_image(tmp_path / "photo" / "b.png", flat(77, (4, 200)))
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(
        3, axis=2
    )  # 32x64, level = column
    write_image(tmp_path / "anime" / "x.png", ramp)
    for batch in take(TrainingData(tiny_style(PLAIN), tmp_path / "photo", tmp_path / "anime", warn=silent), 3):
        assert (levels(batch["photo"]) == 77).all()
        # halved to 16x32, so a crop of 16 columns spans 30 levels: two a column
        assert (np.diff(levels(batch["anime"])[:, 0, :, 0], axis=1) == 2).all()


def test_broken_pictures_are_left_out_with_one_warning_each(marked):
    (marked[0] / "2.png").write_bytes(b"broken")
    (marked[1] / "6.png").write_bytes(b"")
    warnings = []
    data = TrainingData(tiny_style({**PLAIN, "train.batch_size": 7}), *marked, warn=warnings.append)
    seen = {
        name: {int(v) for batch in take(data, 3) for v in levels(batch[name])[:, 0, 0, 0]}
        for name in ("photo", "anime")
    }
    assert seen == {"photo": {0, 10, 30, 40, 50, 60}, "anime": {0, 10, 20, 30, 40, 50}}
    left_out = [line for line in warnings if line.startswith("left out")]
    assert len(left_out) == 2
    assert any("2.png' is not a whole" in line for line in left_out)
    assert any("6.png' is empty" in line for line in left_out)


@pytest.mark.parametrize("which", [0, 1])
def test_a_folder_of_which_nothing_can_be_read(marked, which):
    for path in marked[which].iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(UserError, match=rf"no picture in '.*{marked[which].name}' can be read"):
        TrainingData(tiny_style(), *marked, warn=silent)


def test_a_folder_without_pictures(tmp_path, marked):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no pictures; name another with --photos or --anime"):
        TrainingData(tiny_style(), tmp_path / "empty", marked[1], warn=silent)


def test_targets_made_on_the_fly_are_announced_once(folders):
    warnings = []
    data = TrainingData(tiny_style(), *folders, warn=warnings.append)
    take(data, 3)
    assert len(warnings) == 2
    assert warnings[0].startswith("5 of 5 targets in ")
    assert "animegan3 prepare" in warnings[1]


@pytest.mark.parametrize("kind", ["superpixel", "l0"])
def test_prepared_targets_are_those_made_on_the_fly(folders, kind):
    """On pictures four times as large as the crop: targets are made at the size that crops are cut from."""
    photos, anime = folders
    for folder in folders:
        write_pictures(folder, 5, side=4 * SIZE)
    style = tiny_style({**PLAIN, "target.region_target": kind})
    fresh = take(TrainingData(style, photos, anime, warn=silent), 2)
    warnings = []
    prepare(style_targets(style, photos, anime))
    prepared = take(TrainingData(style, photos, anime, warn=warnings.append), 2)
    assert warnings == []
    for ours, theirs in zip(prepared, fresh):
        np.testing.assert_array_equal(ours["photo"], theirs["photo"])
        np.testing.assert_array_equal(ours["anime_smooth"], theirs["anime_smooth"])
        # a prepared target is kept in 8 bits
        np.testing.assert_allclose(ours["photo_region"], theirs["photo_region"], atol=0.51 / 127.5)


def test_prepared_salt_stays_salt_on_large_pictures(marked):
    for path in marked[1].iterdir():
        write_image(path, flat(60, (7 * SIZE, 9 * SIZE)))
    style = tiny_style({"data.salt": 0.25})
    prepare(style_targets(style, *marked))
    (batch,) = take(TrainingData(style, *marked, warn=silent), 1)
    values, shares = np.unique(levels(batch["anime_smooth"]), return_counts=True)
    assert values.tolist() == [60, 255]
    assert 0.15 < shares[1] / shares.sum() < 0.35


def test_targets_of_another_recipe_are_not_taken(marked):
    prepare(style_targets(tiny_style({"data.salt": 0.1}), *marked))
    warnings = []
    TrainingData(tiny_style({"data.salt": 0.2}), *marked, warn=warnings.append)
    assert len(warnings) == 1
    assert "anime_smooth' are missing or made with other settings" in warnings[0]


def test_transparent_pictures_lie_on_white(marked):
    for path in marked[0].iterdir():
        write_image(path, flat(60), alpha=np.zeros([SIZE, SIZE], np.uint8))
    (batch,) = take(TrainingData(tiny_style(PLAIN), *marked, warn=silent), 1)
    assert (batch["photo"] == 1).all()


def test_prepared_targets_are_used_and_one_missing_makes_all_be_made_anew(marked):
    target = target_folder(marked[0], "l0")
    mark_targets(tiny_style(), *marked, lambda rgb: np.full_like(rgb, 200))
    (batch,) = take(TrainingData(tiny_style(), *marked, warn=silent), 1)
    assert (levels(batch["photo_region"]) == 200).all()
    (target / "3.png").unlink()
    warnings = []
    (batch,) = take(TrainingData(tiny_style(), *marked, warn=warnings.append), 1)
    assert warnings[0].startswith("1 of 7 targets in ")
    np.testing.assert_allclose(batch["photo_region"], batch["photo"], atol=0.02)  # L0 keeps a flat picture


@pytest.mark.parametrize("prepared", [True, False])
def test_anime_is_balanced_as_its_smoothed_twin_is(folders, prepared):
    """Means of 160, 100 and 70 become 110: red loses 50, green gains 10, blue 40."""
    photos, anime = folders
    for path in anime.iterdir():
        write_image(path, np.full((SIZE, SIZE, 3), (160, 100, 70), np.uint8))
    style = tiny_style({**PLAIN, "data.balance": "mean"})
    if prepared:
        prepare(style_targets(style, photos, anime))
    warnings = []
    (batch,) = take(TrainingData(style, photos, anime, warn=warnings.append), 1)
    assert len(warnings) == (0 if prepared else 2)
    assert (levels(batch["anime"]) == 110).all()
    assert (levels(batch["anime_smooth"]) == 110).all()


def test_a_rejected_photo_needs_no_target(marked):
    (marked[0] / "2.png").write_bytes(b"broken")
    prepare(style_targets(tiny_style(), *marked))
    warnings = []
    take(TrainingData(tiny_style(), *marked, warn=warnings.append), 4)
    assert [line.split(":")[0] for line in warnings] == ["left out (1 so far)"]


@pytest.mark.parametrize("gone", [False, True])
def test_a_picture_never_gets_the_target_of_another_of_its_name(marked, gone):
    """1.jpg and 1.png would have one target, which is 1.jpg's; 1.png has none, even when 1.jpg is gone."""
    write_image(marked[0] / "1.jpg", flat(200))
    style = tiny_style({**PLAIN, "train.batch_size": 8})
    prepare(style_targets(style, *marked))
    if gone:
        (marked[0] / "1.jpg").unlink()
    warnings = []
    for batch in take(TrainingData(style, *marked, warn=warnings.append), 2):
        np.testing.assert_allclose(batch["photo_region"], batch["photo"], atol=0.02)  # flat pictures are their own
        assert 10 not in levels(batch["photo"])
    (line,) = warnings
    assert "1.png' and '1.jpg' would both become '1.png'; rename one, and run animegan3 prepare" in line


def test_a_target_of_another_size_is_left_out(marked):
    mark_targets(tiny_style(), *marked, lambda rgb: flat(200, (8, 8)) if rgb[0, 0, 0] == 0 else flat(200))
    warnings = []
    TrainingData(tiny_style(), *marked, warn=warnings.append)
    assert any("0.png' is not as large as its picture; run animegan3 prepare" in line for line in warnings)


def test_brightness_is_for_photos_only_and_their_targets_follow(marked):
    """Gray 60 is -0.529; by up to 0.2 to either side of it, photo and region alike."""
    for folder in marked:
        for path in folder.iterdir():
            write_image(path, flat(60))
    data = TrainingData(tiny_style({"data.brightness": 0.2}), *marked, warn=silent)
    shifts = []
    for batch in take(data, 8):
        shifts += list(batch["photo"][:, 0, 0, 0] - (60 / 127.5 - 1))
        np.testing.assert_allclose(batch["photo"], batch["photo_region"], atol=1e-3)
        assert (levels(batch["anime"]) == 60).all()
    assert 0.1 < max(shifts) <= 0.2
    assert -0.2 <= min(shifts) < -0.1
    assert len({round(float(shift), 5) for shift in shifts}) == 16


def test_rotation_turns_photo_and_target_together_and_no_anime(tmp_path):
    """A vertical edge leans to both sides in photos, and nowhere in anime."""
    edge = flat(0)
    edge[:, SIZE // 2 :] = 255
    for name in ("photo", "anime"):
        write_image(tmp_path / name / "a.png", edge)
    style = tiny_style({**PLAIN, "data.rotation": 20.0})
    leans = []
    for batch in take(TrainingData(style, tmp_path / "photo", tmp_path / "anime", warn=silent), 8):
        np.testing.assert_allclose(batch["photo"], batch["photo_region"], atol=1e-5)  # L0 keeps an edge
        np.testing.assert_array_equal(levels(batch["anime"]), [edge, edge])
        leans += list(batch["photo"][:, 2].sum(axis=(1, 2)) - batch["photo"][:, -3].sum(axis=(1, 2)))
        assert np.abs(batch["photo"]).max() <= 1
    assert max(leans) > 3
    assert min(leans) < -3


def test_salt_falls_on_the_smoothed_anime_only(marked):
    for path in marked[1].iterdir():
        write_image(path, flat(60))
    (batch,) = take(TrainingData(tiny_style({"data.salt": 0.25}), *marked, warn=silent), 1)
    assert (levels(batch["anime"]) == 60).all()
    white = (levels(batch["anime_smooth"]) == 255).all(axis=-1)
    assert white.sum(axis=(1, 2)).tolist() == [64, 64]  # a quarter of 16x16
    assert not np.array_equal(*white)
