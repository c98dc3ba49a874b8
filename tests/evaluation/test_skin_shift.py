import numpy as np
import pytest
from helpers.drawn_faces import face, landmarks
from skimage.color import deltaE_ciede2000, rgb2lab

from animegan3_tf.data.face_align import skin_places
from animegan3_tf.evaluation.face_scores import skin_shift


def test_the_same_skin_has_not_moved():
    assert skin_shift(face(), face(iris=(200, 0, 0)), landmarks()) == 0.0


def test_the_shift_is_that_of_the_two_skin_colours():
    brown, pale = (120, 80, 60), (250, 225, 210)
    expected = deltaE_ciede2000(*(rgb2lab(np.array([[color]], np.uint8))[0, 0] for color in (brown, pale)))
    assert skin_shift(face(skin=brown), face(skin=pale), landmarks()) == pytest.approx(expected, rel=1e-4)


def test_one_place_that_changed_does_not_decide():
    other = face()
    other[230:300, 100:170] = 0  # a shadow on one cheek
    assert skin_shift(face(), other, landmarks()) == 0.0


def test_places_are_worked_out_from_the_landmarks():
    places = skin_places([(0, 0), (100, 0), (50, 60), (20, 100), (80, 100)])
    # 0.45 eye + 0.55 mouth corner; the nose less 25; 45 above the middle of the eyes
    np.testing.assert_allclose(places, [(11, 55), (89, 55), (50, 35), (50, -45)])


def test_no_place_in_the_picture_gives_no_number():
    assert np.isnan(skin_shift(face(), face(), (np.array(landmarks()) + 1000).tolist()))
