from pathlib import Path

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.evaluation.drawn import images_by_name, pair_images, same_aspect

OUT, PHOTOS = Path("out"), Path("photos")


def pairs(generated, photos):
    found = pair_images([OUT / name for name in generated], OUT, [PHOTOS / name for name in photos], PHOTOS)
    return {key.relative_to(OUT).as_posix(): value.relative_to(PHOTOS).as_posix() for key, value in found.items()}


def test_names_count_below_the_folders_and_suffixes_do_not():
    assert pairs(["a.png", "x/a.png", "b.png"], ["a.jpg", "x/a.jpg", "c.jpg"]) == {
        "a.png": "a.jpg",
        "x/a.png": "x/a.jpg",
    }


def test_of_two_photos_the_one_of_its_own_suffix_is_taken():
    assert pairs(["a.png"], ["a.jpg", "a.png"]) == {"a.png": "a.png"}
    assert pairs(["a.webp"], ["a.jpg", "a.png"]) == {"a.webp": "a.jpg"}


def test_shapes_that_differ_by_rounding_can_show_the_same():
    assert same_aspect((100, 200), (50, 100))
    assert same_aspect((250, 333), (256, 336))
    assert not same_aspect((100, 200), (100, 180))
    assert not same_aspect((180, 100), (200, 100))


def test_names_are_paths_below_the_folder_and_come_once(tmp_path):
    for name in ("a.b.png", "x/a.JPG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert images_by_name(tmp_path, "--photos") == {"a.b": tmp_path / "a.b.png", "x/a": tmp_path / "x" / "a.JPG"}
    (tmp_path / "a.b.jpg").touch()
    with pytest.raises(UserError, match=r"--photos has two pictures named 'a.b' \(.jpg, .png\); remove one"):
        images_by_name(tmp_path, "--photos")
