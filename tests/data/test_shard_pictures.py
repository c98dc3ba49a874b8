import itertools
import shutil

import numpy as np
import pytest
from helpers.sharded_folders import STYLE, make_shards, source_folders
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import ImageError
from animegan3_tf.data.dataset import TrainingData, open_images
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.shard_folder import ShardIndex, count_images
from animegan3_tf.data.targets import style_targets
from animegan3_tf.styles import override

SHARDS = "photo", "tiny/style"


@pytest.fixture
def folders(tmp_path):
    return source_folders(tmp_path / "data")


@pytest.fixture
def sharded(folders, tmp_path):
    make_shards(folders, tmp_path / "shards")
    return tuple(tmp_path / "shards" / name for name in SHARDS)


def take(data, count, *where):
    return [{k: v.numpy() for k, v in batch.items()} for batch in itertools.islice(data.batches(*where), count)]


def check_equal(ours, theirs):
    for one, other in zip(ours, theirs):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], name)


def flip_bit(index, number, past=40):
    """Damages one record of a shard."""
    path, offset = index.place(number)
    content = bytearray(path.read_bytes())
    content[offset + past] ^= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("region", ["superpixel", "l0"])
def test_training_sees_the_same_from_shards_as_from_folders(folders, sharded, region):
    style = override(STYLE, {"target.region_target": region, "data.rotation": 8.0, "data.brightness": 0.1})
    prepare(style_targets(style, *folders))
    warnings = []
    from_folders = take(TrainingData(style, *folders, seed=3, warn=warnings.append), 8)
    check_equal(take(TrainingData(style, *sharded, seed=3, warn=warnings.append), 8), from_folders)
    mixed = TrainingData(style, folders[0], sharded[1], seed=3, warn=warnings.append)
    check_equal(take(mixed, 2, 4), from_folders[4:6])
    assert warnings == []


def test_workers_share_the_pictures_of_shards(sharded):
    style = override(STYLE, {"train.batch_size": 4})
    data = TrainingData(style, *sharded, seed=3)
    whole = take(data, 2, 1)
    shares = [take(data, 2, 1, worker, 2, 2) for worker in range(2)]
    joined = [{k: np.concatenate([share[step][k] for share in shares]) for k in whole[step]} for step in range(2)]
    check_equal(joined, whole)


def test_damaged_records_are_left_out_counted_and_named(sharded):
    index = ShardIndex(sharded[0])
    path = flip_bit(index, 1)
    flip_bit(index, 4, past=3)  # its length
    warnings = []
    data = TrainingData(STYLE, *sharded, warn=warnings.append)
    take(data, 6)
    assert sorted(line.split(" (")[0] for line in warnings) == ["left out", "left out"]
    (photo,) = (line for line in warnings if "'b.jpg'" in line)
    assert (
        f"record 'b.jpg' at byte {index.place(1)[1]:,} of '{path}' cannot be read (its checksum does not fit)" in photo
    )
    assert any("record 'more/a.png'" in line and "checksum of its length" in line for line in warnings)
    assert any("(2 so far)" in line for line in warnings)


def test_where_no_record_can_be_read(sharded):
    for number in range(3):
        flip_bit(ShardIndex(sharded[1]), number)
    with pytest.raises(UserError, match=r"no picture in '.*style' can be read"):
        TrainingData(STYLE, *sharded, warn=lambda line: None)


def test_shards_of_another_working_size_are_refused(sharded):
    with pytest.raises(
        UserError, match="short sides of 16 to 24, this style cuts its crops from 24 to 36; run animegan3"
    ):
        TrainingData(override(STYLE, {"data.image_size": 24}), *sharded)


def test_targets_of_another_recipe_are_made_on_the_fly(folders, sharded):
    style = override(STYLE, {"target.region_l0_lambda": 0.05})
    warnings = []
    ours = take(TrainingData(style, *sharded, warn=warnings.append), 2)
    assert len(warnings) == 1
    assert "l0 targets in the shards of" in warnings[0]
    assert "photo' are missing or made with other settings" in warnings[0]
    prepare(style_targets(STYLE, *folders)[2:])
    check_equal(ours, take(TrainingData(style, *folders, warn=lambda line: None), 2))


@pytest.mark.parametrize("balance", ["mean", "equalize"])
def test_balanced_anime_is_the_same_from_shards_as_from_folders(folders, tmp_path, balance):
    style = override(STYLE, {"data.balance": balance})
    make_shards(folders, tmp_path, style=style)
    sharded = tuple(tmp_path / name for name in SHARDS)
    prepare(style_targets(style, *folders))
    plain = take(TrainingData(STYLE, *folders, warn=lambda line: None), 4)
    warnings = []
    from_folders = take(TrainingData(style, *folders, warn=warnings.append), 4)
    shutil.rmtree(folders[1])  # what the mean was measured of; the shards tell it
    check_equal(take(TrainingData(style, *sharded, warn=warnings.append), 4), from_folders)
    assert warnings == []
    assert any((ours["anime"] != other["anime"]).any() for ours, other in zip(from_folders, plain))


@pytest.mark.parametrize(
    ("made", "wanted"), [("none", "mean"), ("mean", "none"), ("equalize", "mean"), ("mean", "equalize")]
)
def test_shards_balanced_otherwise_are_refused(folders, tmp_path, made, wanted):
    make_shards(folders, tmp_path, style=override(STYLE, {"data.balance": made}))
    words = f"hold pictures with balance '{made}', this style has '{wanted}'; run animegan3 prepare --shards with this"
    with pytest.raises(UserError, match=words):
        TrainingData(override(STYLE, {"data.balance": wanted}), *(tmp_path / name for name in SHARDS))


def test_unfinished_and_cut_shards_are_refused_with_the_remedy(sharded):
    (shard, *_) = sorted(sharded[0].glob("*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"not whole \(pictures-00000-of-00003.tfrecord has .* bytes\); run the same"):
        TrainingData(tiny_style(), *sharded)
    (sharded[1] / "shards.json").unlink()
    with pytest.raises(UserError, match=r"shards\.json is missing"):
        open_images(sharded[1])


def test_pictures_are_counted_and_read_alike_in_folders_and_shards(folders, sharded):
    assert [count_images(folder) for folder in (*folders, *sharded)] == [5, 3, 5, 3]
    files, records = open_images(folders[0], sides=STYLE.data.sides), open_images(sharded[0])
    for number in range(5):
        np.testing.assert_array_equal(files.load(number), records.load(number))


def test_the_error_for_a_record_is_one_line(sharded):
    flip_bit(ShardIndex(sharded[0]), 0)
    with pytest.raises(ImageError) as caught:
        open_images(sharded[0]).load(0)
    assert "\n" not in str(caught.value)
