import dataclasses

import numpy as np
import pytest
from helpers.prepared_folders import picture
from helpers.tiny_training import write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, resize, write_image
from animegan3_tf.comparison.inputs import reduce_photos
from animegan3_tf.comparison.method import Method, draw_methods
from animegan3_tf.stylizer.model import Stylizer


@pytest.fixture
def inputs(folder, tmp_path):
    return reduce_photos(folder / "photo", tmp_path / "reduced", 32)


def pictures(folder):
    return Method("a", folder, "pictures", folder)


def test_photos_are_reduced_by_area_and_never_enlarged(folder, tmp_path):
    write_image(folder / "photo" / "wide.jpg", np.full((50, 100, 3), 7, np.uint8))
    write_image(folder / "photo" / "small.png", picture(9, 20))
    found = reduce_photos(folder / "photo", tmp_path / "reduced", 32)
    assert found.sizes == {
        "00": (32, 32), "01": (32, 32), "more/02": (32, 32), "small": (20, 20), "wide": (16, 32)
    }  # fmt: skip
    np.testing.assert_array_equal(read_image(found.paths["more/02"]).rgb, resize(picture(2, 64), (32, 32)))
    np.testing.assert_array_equal(read_image(found.paths["small"]).rgb, picture(9, 20))


def test_a_photo_that_cannot_be_read_is_reported_and_the_rest_goes_on(folder, tmp_path):
    (folder / "photo" / "broken.png").write_bytes(b"nothing")
    write_image(folder / "photo" / "tiny.png", picture(9, 15))
    found = reduce_photos(folder / "photo", tmp_path / "reduced", 32)
    assert list(found.paths) == ["00", "01", "more/02"]
    assert len(found.rejected) == 2
    assert "broken.png" in found.rejected[0]
    assert "is 15x15" in found.rejected[1]


def test_without_a_photo_that_can_be_read_there_is_nothing_to_compare(tmp_path):
    (tmp_path / "photo").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        reduce_photos(tmp_path / "photo", tmp_path / "reduced", 32)
    (tmp_path / "photo" / "broken.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"holds no picture that can be used: .*broken"):
        reduce_photos(tmp_path / "photo", tmp_path / "reduced", 32)


def test_two_photos_of_one_name_are_refused(folder, tmp_path):
    write_image(folder / "photo" / "00.bmp", picture(5))
    with pytest.raises(UserError, match=r"two pictures named '00' \(.bmp, .png\)"):
        reduce_photos(folder / "photo", tmp_path / "reduced", 32)


def test_every_generator_sees_the_same_pixels(inputs, tmp_path):
    seen = []
    stylizer = Stylizer(lambda photo: seen.append(photo) or -photo)
    method = Method("a", tmp_path, "weights", tmp_path, stylizer)
    drawn = draw_methods(method, inputs, tmp_path / "out")
    assert list(drawn.paths) == ["00", "01", "more/02"]
    expected = resize(picture(0, 64), (32, 32))
    assert np.array_equal(np.round((seen[0][0] + 1) * 127.5), expected)
    np.testing.assert_array_equal(read_image(drawn.paths["00"]).rgb, 255 - expected)


def test_a_generator_that_fails_on_a_photo_lacks_its_picture(inputs, tmp_path):
    def forward(photo):
        raise MemoryError

    method = Method("a", tmp_path, "weights", tmp_path, Stylizer(forward))
    drawn = draw_methods(method, inputs, tmp_path / "out")
    assert drawn.paths == {}
    assert drawn.broken == ("00", "01", "more/02")
    assert "do not fit in memory" in drawn.missing["more/02"]


def test_pictures_made_elsewhere_are_found_by_name_and_resized(folder, inputs, tmp_path):
    drawn = draw_methods(pictures(folder / "negatives"), inputs, tmp_path / "out")
    assert list(drawn.paths) == ["00", "more/02"]
    assert drawn.missing == {"01": "there is no picture of its name"}
    assert drawn.broken == ()  # lacking a picture is no error
    assert drawn.resized == {"00": (64, 64), "more/02": (64, 64)}
    np.testing.assert_array_equal(read_image(drawn.paths["00"]).rgb, resize(255 - picture(0, 64), (32, 32)))


def test_a_picture_of_another_shape_or_broken_is_left_out(folder, inputs, tmp_path):
    write_image(folder / "negatives" / "00.bmp", np.zeros((64, 90, 3), np.uint8))
    (folder / "negatives" / "01.png").write_bytes(b"nothing")
    drawn = draw_methods(pictures(folder / "negatives"), inputs, tmp_path / "out")
    assert list(drawn.paths) == ["more/02"]
    assert "is 90x64, which is not its photo's shape" in drawn.missing["00"]
    assert drawn.broken == ("01",)


def test_a_folder_in_which_nothing_is_named_like_a_photo_is_refused(inputs, tmp_path):
    method = dataclasses.replace(pictures(write_pictures(tmp_path / "other", 1)), name="theirs")
    (tmp_path / "other" / "00.png").rename(tmp_path / "other" / "x.png")
    with pytest.raises(UserError, match=r"--model theirs: no picture of .* has the name of a photo, such as '00'"):
        draw_methods(method, inputs, tmp_path / "out")
