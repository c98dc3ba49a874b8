import cv2
import pytest
from helpers.drawn_faces import face, landmarks

from animegan3_tf.data.drawing_checks import check_drawing


def problem(image):
    return check_drawing(image, landmarks(image.shape[0]))[0]


@pytest.mark.parametrize("size", [256, 384, 512])
def test_a_light_face_with_two_eyes_passes(size):
    found, margin = check_drawing(face(size=size), landmarks(size))
    assert found is None
    assert 0 < margin <= 1


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (face(skin=(150, 110, 90)), "too dark"),
        (face(eyes=(0, 0)), "eye not drawn"),
        (face(eyes=(1, 0.45)), "eyes differ"),
        (cv2.line(face(), (146, 120), (146, 220), (10, 10, 10), 8), "eye crossed"),
        (cv2.rectangle(face(), (110, 145), (182, 184), (10, 10, 10), -1), "eye"),
    ],
)
def test_a_broken_drawing_is_named_by_what_is_wrong(image, kind):
    found, margin = check_drawing(image, landmarks())
    assert found.startswith(kind)
    assert margin < 0


def test_lines_without_an_iris_are_closed_eyes():
    image = face(eyes=(0, 0))
    for x, y in landmarks()[:2]:
        for row in range(-16, 17, 8):  # enough ink, all of it thin and joined
            cv2.line(image, (round(x) - 30, round(y) + row), (round(x) + 30, round(y) + row), (10, 10, 10), 2)
        cv2.line(image, (round(x) - 30, round(y) - 16), (round(x) - 30, round(y) + 16), (10, 10, 10), 2)
    assert problem(image).startswith("eye closed")


def test_eyes_outside_the_square_are_told():
    moved = [[x + 1000, y] for x, y in landmarks()]
    assert check_drawing(face(), moved) == ("no eyes: they lie outside the square", -1.0)
