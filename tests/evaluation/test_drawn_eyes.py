import numpy as np
import pytest
from helpers.drawn_faces import face, landmarks

from animegan3_tf.data.drawing_checks import both_eyes_drawn


@pytest.mark.parametrize("size", [192, 256, 384, 512])
def test_two_whole_eyes_are_drawn_at_any_size(size):
    assert both_eyes_drawn(face(size=size), landmarks(size))


@pytest.mark.parametrize("eyes", [(0, 0), (1, 0), (0, 1), (1, 0.2)])
def test_a_lost_eye_or_a_mere_line_is_noticed(eyes):
    assert not both_eyes_drawn(face(eyes=eyes), landmarks())


def test_dark_skin_does_not_hide_the_eyes():
    assert both_eyes_drawn(face(skin=(120, 80, 60)), landmarks())


def test_the_share_of_dark_pixels_has_a_lower_and_an_upper_limit():
    # a window of 44 x 35 pixels: a solid block of 8 % is too little, one of 12 % an eye, one of 80 % a hole
    for share, drawn in ((0.08, False), (0.12, True), (0.8, False)):
        image = np.full((384, 384, 3), 230, np.uint8)
        height = round(35 * share**0.5)
        width = round(44 * share**0.5)
        for x, y in landmarks()[:2]:
            top, left = round(y) - height // 2, round(x) - width // 2
            image[top : top + height, left : left + width] = 20
        assert both_eyes_drawn(image, landmarks()) == drawn, share


def test_landmarks_outside_the_picture_are_no_eyes():
    assert not both_eyes_drawn(face(), (np.array(landmarks()) + 1000).tolist())
