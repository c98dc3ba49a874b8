from pathlib import Path

from animegan3_tf.evaluation.pairs import pair_pictures

OUT, PHOTOS = Path("out"), Path("photos")


def pairs(generated, photos):
    found = pair_pictures([OUT / name for name in generated], OUT, [PHOTOS / name for name in photos], PHOTOS)
    return {key.relative_to(OUT).as_posix(): value.relative_to(PHOTOS).as_posix() for key, value in found.items()}


def test_names_count_below_the_folders_and_suffixes_do_not():
    assert pairs(["a.png", "x/a.png", "b.png"], ["a.jpg", "x/a.jpg", "c.jpg"]) == {
        "a.png": "a.jpg",
        "x/a.png": "x/a.jpg",
    }


def test_of_two_photos_the_one_of_its_own_suffix_is_taken():
    assert pairs(["a.png"], ["a.jpg", "a.png"]) == {"a.png": "a.png"}
    assert pairs(["a.webp"], ["a.jpg", "a.png"]) == {"a.webp": "a.jpg"}
