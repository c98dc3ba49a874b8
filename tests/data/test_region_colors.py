import numpy as np
import pytest
from helpers.drawn_faces import face, landmarks
from skimage.color import rgb2lab

from animegan3_tf.data.region_colors import LIGHTNESS, SKIN_LIGHTNESS, keep_region_colors

PALE, BROWN = (250, 225, 210), (150, 95, 70)


def lab(color):
    return rgb2lab(np.array([[color]], np.uint8))[0, 0]


def test_what_already_has_the_photos_colours_stays():
    image = face()
    assert np.abs(keep_region_colors(image, image, landmarks()).astype(int) - image).max() <= 6


def test_a_region_takes_the_photos_hue_in_full_and_of_its_lightness_a_share():
    photo, drawing = np.full((96, 96, 3), BROWN, np.uint8), np.full((96, 96, 3), PALE, np.uint8)
    found = lab(keep_region_colors(photo, drawing)[48, 48])
    expected = lab(PALE) + (lab(BROWN) - lab(PALE)) * (LIGHTNESS, 1, 1)
    np.testing.assert_allclose(found, expected, atol=1.0)


def test_each_of_two_regions_takes_its_own():
    photo, drawing = (np.zeros((96, 192, 3), np.uint8) for _ in range(2))
    photo[:, :96], photo[:, 96:] = (190, 130, 130), (130, 130, 190)
    drawing[:, :96], drawing[:, 96:] = (160, 160, 160), (140, 140, 140)
    found = keep_region_colors(photo, drawing, lightness=0.0)
    for column, color in ((40, (190, 130, 130)), (150, (130, 130, 190))):
        np.testing.assert_allclose(lab(found[48, column])[1:], lab(color)[1:], atol=6)


def test_skin_becomes_the_persons_and_eyes_and_lines_stay_as_drawn():
    photo, drawing = face(skin=BROWN), face(skin=PALE, iris=(60, 110, 170))
    drawing[300:304, 150:230] = 15
    found = keep_region_colors(photo, drawing, landmarks())
    skin = lab(PALE) + (lab(BROWN) - lab(PALE)) * (SKIN_LIGHTNESS, 1, 1)
    for x, y in ((192, 110), (130, 230), (250, 230)):
        np.testing.assert_allclose(lab(found[y, x]), skin, atol=3)
    for x, y in landmarks()[:2]:
        x, y = round(x), round(y)
        np.testing.assert_allclose(found[y, x], (60, 110, 170), atol=6)  # the iris
        assert found[y, x - 18].min() > 225  # the white
        assert found[y + 10, x].max() < 60  # its ring
    assert found[302, 190].max() < 40


def test_lips_keep_some_of_their_own_colour():
    photo = face(skin=BROWN)
    photo[250:275, 160:224] = (190, 50, 60)
    drawing = face(skin=PALE)
    found = keep_region_colors(photo, drawing, landmarks())
    assert lab(found[270, 192])[1] > lab(found[230, 130])[1] + 3  # redder than the cheek


def test_a_photo_without_colour_gets_none_in_eyes_and_lines_either():
    photo = np.repeat(face()[..., :1], 3, axis=2)
    found = keep_region_colors(photo, face(iris=(60, 110, 170)), landmarks()).astype(int)
    assert np.ptp(found, axis=2).max() <= 1


@pytest.mark.parametrize(("level", "drawn"), [(255, (239, 234, 233)), (0, (26, 25, 26))])
def test_white_stays_white_and_black_black(level, drawn):
    photo, drawing = np.full((96, 96, 3), level, np.uint8), np.full((96, 96, 3), drawn, np.uint8)
    assert (keep_region_colors(photo, drawing) == level).all()


def test_a_line_drawn_on_white_stays():
    photo, drawing = np.full((96, 96, 3), 255, np.uint8), np.full((96, 96, 3), 235, np.uint8)
    drawing[46:50] = 15
    found = keep_region_colors(photo, drawing)
    assert found[48, 48].max() < 40
    assert found[20, 48].min() > 250


@pytest.mark.parametrize("shape", [(16, 16), (40, 200), (211, 97)])
def test_any_shape_is_taken(shape):
    rng = np.random.default_rng(0)
    photo, drawing = (rng.integers(0, 256, (*shape, 3), np.uint8) for _ in range(2))
    found = keep_region_colors(photo, drawing)
    assert found.shape == drawing.shape
    assert found.dtype == np.uint8


def test_landmarks_outside_the_image_do_no_harm():
    found = keep_region_colors(face(skin=BROWN), face(), (np.array(landmarks()) + 2000).tolist())
    assert found.shape == (384, 384, 3)


def test_other_sizes_are_refused():
    with pytest.raises(ValueError, match="differ in size"):
        keep_region_colors(face(), face(size=256))
