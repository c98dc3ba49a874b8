import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, write_image
from animegan3_tf.data.results import (
    RECORD,
    ResultRecord,
    images_by_name,
    match_results,
    name_key,
    read_record,
    result_names,
    same_aspect,
)

OUT, PHOTOS = Path("out"), Path("photos")


def named(photos, suffix=None):
    found = result_names({Path("in", name): Path(name) for name in photos}, suffix)
    return {photo.relative_to("in").as_posix(): name.as_posix() for photo, name in found.items()}


def pairs(generated, photos):
    found = match_results([OUT / name for name in generated], OUT, [PHOTOS / name for name in photos], PHOTOS)
    return {key.relative_to(OUT).as_posix(): value.relative_to(PHOTOS).as_posix() for key, value in found.items()}


def test_a_suffix_is_kept_where_it_can_be_written_well():
    photos = ["a.jpg", "b.JPEG", "c.bmp", "d.tif", "e.heic", "x/f.png", "g.webp"]
    assert list(named(photos).values()) == ["a.jpg", "b.JPEG", "c.png", "d.png", "e.jpg", "x/f.png", "g.webp"]
    assert named(["a.b.jpg"], ".png") == {"a.b.jpg": "a.b.png"}


def test_where_names_would_clash_the_suffix_is_added():
    assert named(["1.bmp", "1.png"]) == {"1.bmp": "1.bmp.png", "1.png": "1.png"}
    assert named(["1.jpg", "1.png"], ".png") == {"1.jpg": "1.jpg.png", "1.png": "1.png"}
    assert named(["1.bmp", "1.tif", "x/1.bmp"]) == {"1.bmp": "1.bmp.png", "1.tif": "1.tif.png", "x/1.bmp": "x/1.png"}
    assert named(["A.bmp", "a.tif"]) == {"A.bmp": "A.bmp.png", "a.tif": "a.tif.png"}
    accents = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    assert list(named([f"{accents[0]}.bmp", f"{accents[1]}.tif"]).values()) == [
        f"{accents[0]}.bmp.png",
        f"{accents[1]}.tif.png",
    ]


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(
    st.lists(
        st.tuples(st.sampled_from(["1", "a", "A", "x/1", "a.jpg"]), st.sampled_from(["jpg", "png", "bmp", "tif"])),
        unique_by=lambda name: ".".join(name).casefold(),
        min_size=1,
    ),
    st.sampled_from([None, ".png", ".jpg"]),
)
def test_names_lead_back_to_their_photos_or_are_refused(photos, suffix):
    photos = [".".join(name) for name in photos]
    names = named(photos, suffix)
    if len({name_key(Path(name)) for name in names.values()}) < len(photos):
        return  # those that stylize tells apart by numbers
    try:
        found = pairs(names.values(), photos)
    except UserError:
        return
    assert found == {name: photo for photo, name in names.items()}


def test_names_count_below_the_folders_and_suffixes_do_not():
    assert pairs(["a.png", "x/a.png", "b.png"], ["a.jpg", "x/a.jpg", "c.jpg"]) == {
        "a.png": "a.jpg",
        "x/a.png": "x/a.jpg",
    }


def test_letter_case_counts_where_it_tells_photos_apart():
    assert pairs(["A.png", "a.png"], ["a.jpg", "A.jpg"]) == {"A.png": "A.jpg", "a.png": "a.jpg"}
    assert pairs(["a.PNG"], ["A.jpg", "a.bmp"]) == {"a.PNG": "a.bmp"}
    assert pairs(["IMG_1.png"], ["img_1.JPG"]) == {"IMG_1.png": "img_1.JPG"}
    written = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    assert pairs([f"{written[0]}.png"], [f"{written[1]}.jpg"]) == {f"{written[0]}.png": f"{written[1]}.jpg"}


@pytest.mark.parametrize(
    ("generated", "photos"),
    [
        (["1.png"], ["1.jpg", "1.png"]),  # evaluate once drew 1.png from 1.jpg
        (["1.png", "1-2.png"], ["1.bmp", "1.png"]),
        (["1.webp"], ["1.jpg", "1.png"]),
        (["a.png"], ["A.jpg", "a.jpg"]),  # a disk that ignores letter case keeps one image for both
        (["a.jpg"], ["A.jpg", "a.jpg"]),
        (["é.png"], [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]),
        (["1.bmp.png"], ["1.bmp", "1.bmp.png"]),
    ],
)
def test_an_image_of_one_of_two_photos_is_refused(generated, photos):
    with pytest.raises(UserError, match=r"may have been drawn from 'photos/.*' or from 'photos/.*'; stylize them"):
        pairs(generated, photos)


def test_two_photos_of_one_stem_are_told_apart_by_whole_names():
    assert pairs(["1.jpg", "1.png"], ["1.jpg", "1.png"]) == {"1.jpg": "1.jpg", "1.png": "1.png"}
    assert pairs(["1.jpg.png", "1.png"], ["1.jpg", "1.png"]) == {"1.jpg.png": "1.jpg", "1.png": "1.png"}


def test_an_image_with_a_photos_very_name_leaves_the_longer_name_to_its_own():
    photos = ["1.bmp", "1.bmp.png"]
    assert pairs(photos, photos) == {name: name for name in photos}


def test_two_images_of_one_photo_are_refused():
    with pytest.raises(UserError, match=r"'out/a.jpg' and 'out/a.png' are both images of 'photos/a.jpg'; remove one"):
        pairs(["a.jpg", "a.png"], ["a.jpg"])


@pytest.fixture
def drawn(tmp_path):
    """Photos 1.bmp and 1.png, and results under names that say the opposite, with their record."""
    for number, name in enumerate(("in/1.bmp", "in/1.png", "out/1.png", "out/1-2.png")):
        write_image(tmp_path / name, np.full((16, 16, 3), 40 * number, np.uint8))
    record = ResultRecord(tmp_path / "out")
    record.add(tmp_path / "out" / "1.png", tmp_path / "in" / "1.bmp", Path("1.bmp"))
    record.add(tmp_path / "out" / "1-2.png", tmp_path / "in" / "1.png", Path("1.png"))
    return tmp_path


def recorded(folder, photos="in", out="out"):
    results, originals = (find_images(folder / place) for place in (out, photos))
    found = match_results(results, folder / out, originals, folder / photos)
    return {image.name: photo.name for image, photo in found.items()}


def test_the_record_decides_where_names_cannot(drawn):
    assert recorded(drawn) == {"1.png": "1.bmp", "1-2.png": "1.png"}


def test_folders_may_be_moved_and_photos_renamed(drawn):
    (drawn / "out").rename(drawn / "results")
    (drawn / "in" / "1.bmp").rename(drawn / "in" / "other.bmp")
    assert recorded(drawn, out="results") == {"1.png": "other.bmp", "1-2.png": "1.png"}


def test_a_folder_of_the_results_is_matched_by_the_record_above_it(drawn):
    (drawn / "all").mkdir()
    (drawn / "out").rename(drawn / "all" / "x")
    record = [json.loads(line) for line in (drawn / "all" / "x" / RECORD).read_text().splitlines()]
    (drawn / "all" / "x" / RECORD).unlink()
    lines = [json.dumps({**line, "picture": f"x/{line['picture']}"}) for line in record]
    (drawn / "all" / RECORD).write_text("\n".join(lines))
    assert recorded(drawn, out="all/x") == {"1.png": "1.bmp", "1-2.png": "1.png"}


def test_a_photo_that_was_replaced_is_noticed(drawn):
    write_image(drawn / "in" / "1.bmp", np.full((16, 16, 3), 222, np.uint8))
    with pytest.raises(UserError, match=r"out/1.png' was drawn from another file than .*in/1.bmp' is now; stylize it"):
        recorded(drawn)


def test_an_image_of_a_photo_that_is_elsewhere_is_nobodys(drawn):
    (drawn / "in" / "1.bmp").unlink()
    assert recorded(drawn) == {"1-2.png": "1.png"}


def test_an_image_that_was_replaced_is_matched_by_its_name(drawn):
    (drawn / "out" / "1.png").unlink()
    write_image(drawn / "out" / "1.bmp", np.full((16, 16, 3), 99, np.uint8))
    assert recorded(drawn) == {"1.bmp": "1.bmp", "1-2.png": "1.png"}


def test_photos_that_are_the_same_file_are_told_apart_by_name(tmp_path):
    record = ResultRecord(tmp_path / "out")
    for name in ("a", "b"):
        write_image(tmp_path / "in" / f"{name}.png", np.zeros((16, 16, 3), np.uint8))
        write_image(tmp_path / "out" / f"{name}.jpg", np.zeros((16, 16, 3), np.uint8))
        record.add(tmp_path / "out" / f"{name}.jpg", tmp_path / "in" / f"{name}.png", Path(f"{name}.png"))
    assert recorded(tmp_path) == {"a.jpg": "a.png", "b.jpg": "b.png"}


@pytest.fixture
def two_inputs(tmp_path):
    """Results of a/ and b/ in one folder, of which those of a/ are all of the same bytes, with their record above."""
    record = ResultRecord(tmp_path / "out")
    for folder, names in (("a", ("1.png", "2.png")), ("b", ("1.png",))):
        for name in names:
            photo, image = tmp_path / folder / name, tmp_path / "out" / folder / name
            write_image(photo, np.full((16, 16, 3), ord(folder), np.uint8))
            write_image(image, np.full((16, 16, 3), 9, np.uint8))
            record.add(image, photo, Path(folder, name))
    return tmp_path


def test_photos_of_the_same_bytes_are_told_apart_below_a_record(two_inputs):
    assert recorded(two_inputs, "a", "out/a") == {"1.png": "1.png", "2.png": "2.png"}


def test_photos_of_the_same_bytes_that_were_renamed_get_one_image_each(two_inputs):
    for name in ("1", "2"):
        (two_inputs / "a" / f"{name}.png").rename(two_inputs / "a" / f"new{name}.png")
    assert sorted(recorded(two_inputs, "a", "out/a").values()) == ["new1.png", "new2.png"]


def test_a_photo_that_was_replaced_is_noticed_below_a_record(two_inputs):
    write_image(two_inputs / "b" / "1.png", np.full((16, 16, 3), 222, np.uint8))
    with pytest.raises(UserError, match=r"out/b/1.png' was drawn from another file than .*b/1.png' is now"):
        recorded(two_inputs, "b", "out/b")


def test_records_of_folders_below_count(drawn):
    for name in ("in", "out"):
        (drawn / name).rename(drawn / "x")
        (drawn / name).mkdir()
        (drawn / "x").rename(drawn / name / "x")
    assert recorded(drawn) == {"1.png": "1.bmp", "1-2.png": "1.png"}
    write_image(drawn / "in" / "x" / "1.bmp", np.full((16, 16, 3), 222, np.uint8))
    with pytest.raises(UserError, match=r"drawn from another file than .*in/x/1.bmp' is now"):
        recorded(drawn)


def test_a_killed_run_costs_one_line_at_most(drawn):
    path = drawn / "out" / RECORD
    path.write_bytes(path.read_bytes()[:-20])
    assert list(read_record(drawn / "out")[1]) == ["1.png"]
    write_image(drawn / "out" / "2.png", np.zeros((16, 16, 3), np.uint8))
    ResultRecord(drawn / "out").add(drawn / "out" / "2.png", drawn / "in" / "1.png", Path("1.png"))
    assert list(read_record(drawn / "out")[1]) == ["1.png", "2.png"]


def test_a_record_is_tidied_of_what_is_gone_or_drawn_again(drawn):
    record = ResultRecord(drawn / "out")
    record.add(drawn / "out" / "1.png", drawn / "in" / "1.png", Path("1.png"))
    (drawn / "out" / "1-2.png").unlink()
    record.tidy()
    (line,) = (drawn / "out" / RECORD).read_text().splitlines()
    assert json.loads(line)["photo"] == "1.png"


def test_rubbish_in_place_of_a_record_is_passed_over(drawn):
    (drawn / "out" / RECORD).write_bytes(b"\xff\n[1]\n" + b"[" * 100_000 + b'\n{"picture": "1.png"}\n')
    assert read_record(drawn / "out") == ({}, {"1.png": {}})
    with pytest.raises(UserError, match="may have been drawn from"):
        recorded(drawn)


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


def test_names_that_only_letter_case_tells_apart_are_refused(tmp_path):
    for name in ("A.png", "a.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"--photos: .*A.png' and .*a.jpg' have one name on disks that ignore letter"):
        images_by_name(tmp_path, "--photos")
