import numpy as np
import pytest

from animegan3_tf.evaluation.resize import RESIZINGS, resize_for


# the first output lies at 3.5 of the input's pixels: (0.5625 / 7)^2 and, with Keys' a = -0.5, (0.64709 / 7.36133)^2
@pytest.mark.parametrize(("method", "expected"), [("bilinear, antialiased", 0.4133), ("bicubic, antialiased", 0.4945)])
def test_a_point_in_the_corner_keeps_the_weight_that_the_wide_filter_gives_it(method, expected):
    point = np.zeros((64, 64, 3))
    point[0, 0, 1] = 1.0
    small = resize_for(point, (8, 8), method)
    assert small.shape == (8, 8, 3)
    assert small.dtype == np.float32
    assert 64 * small[0, 0, 1] == pytest.approx(expected, abs=5e-5)
    assert not small[..., [0, 2]].any()


def test_nothing_is_rounded_and_nothing_leaves_the_range():
    board = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * np.full(3, 255, np.uint8)
    large = resize_for(board, (100, 90), "bicubic, antialiased")
    assert large.shape == (100, 90, 3)
    assert (large.min(), large.max()) == (0, 255)  # bicubic overshoots
    assert (large % 1).any()


@pytest.mark.parametrize(
    ("resizing", "expected"),
    [("bilinear, not antialiased", [1.5, 5.5]), ("bilinear of TensorFlow 1", [0.0, 4.0])],
)
def test_without_antialiasing_two_pixels_count_where_the_convention_puts_them(resizing, expected):
    ramp = np.tile(np.arange(8.0)[:, None, None], (1, 8, 3))
    np.testing.assert_allclose(resize_for(ramp, (2, 8), resizing)[:, 3, 1], expected)


@pytest.mark.parametrize("resizing", RESIZINGS)
def test_a_picture_of_the_size_wanted_stays_as_it_is(resizing):
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), np.uint8)
    np.testing.assert_array_equal(resize_for(picture, (6, 5), resizing), picture)
