import cv2
import numpy as np
import pytest

from animegan3_tf.filters import add_salt, smooth_edges


def test_equals_upstream(reference):
    # Channel order does not matter, as the gray picture is given.
    pictures, grays = reference["edge_smooth_input_bgr_uint8"], reference["edge_smooth_gray_uint8"]
    for picture, gray, expected in zip(pictures, grays, reference["edge_smooth_bgr_uint8"]):
        np.testing.assert_array_equal(smooth_edges(picture, gray), expected)
        assert np.any(picture != expected)


def test_a_step_by_hand():
    # Binomial weights 1 4 6 4 1 over 16: 255 * 1/16, 5/16, 11/16, 15/16, truncated.
    picture = np.zeros((12, 16, 3), np.uint8)
    picture[:, 8:] = 255
    expected = picture.copy()
    expected[:, 6:10] = np.uint8([15, 79, 175, 239])[:, None]
    np.testing.assert_array_equal(smooth_edges(picture), expected)


def test_gray_defaults_to_that_of_an_rgb_picture(noise):
    sharp = np.where(noise[0] > 127, 255, 0).astype(np.uint8)
    gray = cv2.cvtColor(sharp, cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(smooth_edges(sharp), smooth_edges(sharp, gray))
    assert np.any(smooth_edges(sharp) != sharp)


def test_a_picture_without_edges_is_unchanged():
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None], 3, axis=-1).repeat(20, axis=0)
    np.testing.assert_array_equal(smooth_edges(ramp), ramp)


def test_edges_leave_the_input_alone():
    picture = np.zeros((12, 16, 3), np.uint8)
    picture[:, 8:] = 255
    before = picture.copy()
    smooth_edges(picture)
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(("fraction", "white"), [(0.0, 0), (0.1, 20), (0.25, 50), (1.0, 200)])
def test_salt_whitens_just_that_share(fraction, white):
    picture = np.full((10, 20, 3), 7, np.uint8)
    salted = add_salt(picture, fraction, np.random.default_rng(0))
    assert np.all(salted == 255, axis=-1).sum() == white
    assert np.all(salted == 7, axis=-1).sum() == 200 - white
    assert np.all(picture == 7)


def test_salt_follows_its_seed():
    picture = np.zeros((16, 16, 3), np.uint8)
    first, again, other = (add_salt(picture, 0.1, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other)


def test_salt_reaches_a_picture_that_is_a_view():
    picture = np.zeros((16, 32, 3), np.uint8)[:, ::2]
    assert np.all(add_salt(picture, 0.5, np.random.default_rng(0)) == 255, axis=-1).sum() == 128


@pytest.mark.parametrize("fraction", [-0.1, 1.5])
def test_salt_refuses_a_share_outside_0_to_1(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        add_salt(np.zeros((4, 4, 3), np.uint8), fraction, np.random.default_rng(0))
