import json
import shutil

import numpy as np
import pytest
from helpers.tiny_pairs import smooth_photo, teacher, write_pairs

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import ImageError, read_image, write_image
from animegan3_tf.data.pair_dataset import held_out_numbers, open_pair_folders, open_pairs


@pytest.fixture
def folder(tmp_path):
    return write_pairs(tmp_path / "pairs", 3)


def check(pictures):
    assert [pair.stem for pair in pictures.pairs] == ["00", "01", "02"]
    assert len(pictures) == 3
    for number in range(3):
        pair = pictures.load(number)
        np.testing.assert_array_equal(pair[..., :3], smooth_photo(number))
        np.testing.assert_array_equal(pair[..., 3:], teacher(smooth_photo(number)))


def test_pairs_as_the_pairs_command_leaves_them(folder):
    pictures = open_pairs(folder)
    check(pictures)
    points = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]])
    np.testing.assert_allclose(pictures.landmarks(1), points)


def test_pairs_made_elsewhere_need_no_manifest_and_no_png(folder):
    (folder / "manifest.json").unlink()
    (folder / "photo" / "01.png").rename(folder / "photo" / "01.webp")
    write_image(folder / "anime" / "02.bmp", read_image(folder / "anime" / "02.png").rgb)
    (folder / "anime" / "02.png").unlink()
    pictures = open_pairs(folder)
    check(pictures)
    assert pictures.landmarks(0) is None


def test_two_folders_of_like_names(folder, tmp_path):
    check(open_pairs(folder / "photo", folder / "anime"))


def test_side_by_side_pictures(tmp_path):
    for number in range(3):
        photo = smooth_photo(number)
        write_image(tmp_path / f"{number:02d}.png", np.hstack([photo, teacher(photo)]))
    check(open_pairs(tmp_path))


def test_landmarks_may_be_null_and_other_keys_are_ignored(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["pairs"]["01"] = {"landmarks": None, "margin": 0.5}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    pictures = open_pairs(folder)
    assert pictures.landmarks(1) is None
    assert pictures.landmarks(2) is not None


def test_several_folders_may_have_pairs_of_like_names(folder, tmp_path):
    scenes = write_pairs(tmp_path / "scenes", 2, side=80, landmarks=False)
    pictures = open_pair_folders([folder, scenes])
    assert [pair.stem for pair in pictures.pairs] == ["00", "01", "02", "00", "01"]
    np.testing.assert_array_equal(pictures.load(1)[..., :3], smooth_photo(1))
    np.testing.assert_array_equal(pictures.load(4)[..., :3], smooth_photo(1, 80))
    assert pictures.landmarks(1) is not None
    assert pictures.landmarks(4) is None
    with pytest.raises(UserError, match=r"pairs' of pairs is named twice; name each once"):
        open_pair_folders([folder, scenes, folder])


def test_large_pairs_are_reduced_when_they_are_loaded(tmp_path):
    pictures = open_pairs(write_pairs(tmp_path, 2, side=128), most=80)
    assert pictures.load(0).shape == (80, 80, 6)
    assert pictures.landmarks(0)[0].tolist() == pytest.approx([0.35, 0.4])  # of the side, whichever it is


def refused(words, *arguments):
    with pytest.raises(UserError, match=words) as error:
        open_pairs(*arguments)
    assert "\n" not in str(error.value)


def test_unequal_sizes_within_a_pair(folder):
    write_image(folder / "anime" / "01.png", smooth_photo(1, 80))
    refused(r"1 of 3 pairs in .* have a drawing not as large as its photo: 01 \(64x64, 80x80\); make each", folder)


def test_missing_partners_are_counted_and_some_named(folder):
    for number in range(3, 8):
        write_image(folder / "photo" / f"{number:02d}.png", smooth_photo(number))
    refused("5 of 8 names are in only one of .*: 03, 04, 05 and 2 more; add their partners", folder)


def test_no_pairs(tmp_path, folder):
    refused("'.*nowhere' is not a folder; make them with animegan3 pairs", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    refused("'.*empty' holds no pairs; it must hold photo/ and anime/", tmp_path / "empty")
    shutil.rmtree(folder / "anime")
    refused("has no folder anime/; pairs are photo/NAME and anime/NAME", folder)
    (folder / "anime").mkdir()
    refused("hold no pairs: 3 and 0 pictures, none with the same name", folder)


def test_pictures_that_are_too_small(tmp_path):
    refused(r"2 of 2 pairs in .* are under 64 pixels a side: 00 \(48x48\), 01 \(48x48\)", write_pairs(tmp_path, 2, 48))


def test_pictures_that_are_no_two_side_by_side(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((64, 128, 3), np.uint8))
    write_image(tmp_path / "b.png", np.zeros((64, 100, 3), np.uint8))
    refused(r"1 of 2 pairs in .* are not twice as wide as high: b \(100x64\); put photo and drawing", tmp_path)


def test_two_files_of_one_name(folder):
    write_image(folder / "photo" / "01.jpg", smooth_photo(1))
    refused(r"01\.jpg' and .*01\.png' have the same name; remove one", folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"pairs": 3}', '{"pairs": {"00": 3}}', "{}"])
def test_a_manifest_that_cannot_be_read(folder, text):
    (folder / "manifest.json").write_text(text)
    refused("manifest.json' cannot be read .*; run animegan3 pairs again, or remove it", folder)


@pytest.mark.parametrize("points", [[1, 2], [[1, 2]] * 4, [[1, 2]] * 4 + [[1, float("nan")]]])
def test_landmarks_that_are_no_five_points(folder, points):
    (folder / "manifest.json").write_text(json.dumps({"pairs": {"01": {"landmarks": points}}}))
    refused("the landmarks of 01 are not five points", folder)


def test_a_broken_picture_is_told_of_when_it_is_loaded(folder):
    (folder / "anime" / "01.png").write_bytes(b"broken")
    pictures = open_pairs(folder)
    with pytest.raises(ImageError, match=r"01\.png' is not a whole"):
        pictures.load(1)


def test_what_is_held_out_stays_so_when_the_folder_grows():
    stems = [f"face-{number}" for number in range(2000)]
    few = {stems[number] for number in held_out_numbers(stems[:1000], 0.05)}
    many = {stems[number] for number in held_out_numbers(stems, 0.05)}
    assert many & set(stems[:1000]) == few
    assert 30 < len(few) < 70
    shuffled = stems[::-1]
    assert {shuffled[number] for number in held_out_numbers(shuffled, 0.05)} == many


def test_something_is_held_out_of_a_few_and_something_is_left():
    assert len(held_out_numbers(["a", "b"], 0.0)) == 1
    assert len(held_out_numbers(["a", "b", "c"], 1.0)) == 2
    with pytest.raises(UserError, match="1 pair is too few: one is held out for validation"):
        held_out_numbers(["a"], 0.5)
