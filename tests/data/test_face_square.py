import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.data.face_align import LARGEST_FACE, SMALLEST_FACE, Face, face_square, inverse, to_source

SIZE = 512


def face_at(x, y, distance, degrees=0.0, box=2.2):
    """A face whose eyes lie `distance` apart around (x, y), turned; its box is `box` eye distances wide."""
    angle = math.radians(degrees)
    across = np.array([math.cos(angle), math.sin(angle)]) * distance / 2
    down = np.array([-math.sin(angle), math.cos(angle)]) * distance
    middle = np.array([x, y], float)
    points = [
        middle - across,
        middle + across,
        middle + 0.5 * down,
        middle - 0.6 * across + down,
        middle + across + down,
    ]
    center, half = middle + 0.3 * down, box * distance / 2
    return Face((*(center - half), *(center + half)), 1.0, tuple(tuple(point) for point in points))


def corners(matrix):
    return to_source(matrix, [(0, 0), (SIZE, 0), (0, SIZE), (SIZE, SIZE)])


def side(matrix):
    return float(np.hypot(*(corners(matrix)[1] - corners(matrix)[0])))


@pytest.mark.parametrize("wanted", [3.5, 4.2, 4.8])
def test_the_square_is_as_wide_as_wanted_in_a_large_photo(wanted):
    matrix = face_square(face_at(500, 500, 100), (1000, 1000), SIZE, wanted)
    assert side(matrix) == pytest.approx(100 * wanted)
    eyes = to_source(inverse(matrix), face_at(500, 500, 100).landmarks[:2])
    assert eyes[0][1] == pytest.approx(eyes[1][1])
    assert eyes.mean(axis=0)[0] == pytest.approx(SIZE / 2)
    assert eyes.mean(axis=0)[1] == pytest.approx(SIZE * (0.5 - 0.3 / wanted))


def test_a_wide_box_makes_it_larger():
    assert side(face_square(face_at(500, 500, 100, box=3.0), (1000, 1000), SIZE, 3.5)) == pytest.approx(1.35 * 300)


@pytest.mark.parametrize(("degrees", "left"), [(15, 0), (-25, 0), (40, 15), (-60, -35)])
def test_the_eyes_are_levelled_by_up_to_25_degrees(degrees, left):
    face = face_at(500, 500, 60, degrees)
    eyes = to_source(inverse(face_square(face, (1000, 1000), SIZE)), face.landmarks[:2])
    assert math.degrees(math.atan2(*(eyes[1] - eyes[0])[::-1])) == pytest.approx(left, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(
    x=st.floats(0, 1), y=st.floats(0, 1), share=st.floats(0.03, 0.6), degrees=st.floats(-80, 80),
    height=st.integers(60, 2000), width=st.integers(60, 2000), box=st.floats(1.8, 4.0), wanted=st.floats(3.5, 4.8),
)  # fmt: skip
def test_it_never_reaches_beyond_the_photo_nor_breaks_its_limits(x, y, share, degrees, height, width, box, wanted):
    face = face_at(x * width, y * height, share * min(height, width), degrees, box)
    matrix = face_square(face, (height, width), SIZE, wanted)
    if isinstance(matrix, str):
        assert ": " in matrix
        return
    for cx, cy in corners(matrix):
        assert -1e-6 <= cx <= width + 1e-6
        assert -1e-6 <= cy <= height + 1e-6
    distance = np.hypot(*np.subtract(*face.landmarks[:2]))
    assert SMALLEST_FACE <= distance / side(matrix) <= LARGEST_FACE


@pytest.mark.parametrize(
    ("face", "photo_hw", "kind"),
    [
        (Face((10, 10, 60, 60)), (100, 100), "no eyes"),
        (face_at(50, 50, 45, box=1.5), (100, 100), "face too large"),
        (face_at(500, 500, 60, box=6.0), (1000, 1000), "eyes too close"),
        (face_at(5, 50, 40), (100, 100), "cut off"),
        (face_at(50, 50, 0.5), (100, 100), "eyes too close"),
    ],
)
def test_a_face_that_does_not_suit_is_named_by_the_reason(face, photo_hw, kind):
    assert face_square(face, photo_hw, SIZE).startswith(kind)
