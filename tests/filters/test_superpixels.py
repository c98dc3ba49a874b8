import numpy as np
import pytest

from animegan3_tf.filters import superpixels


@pytest.mark.parametrize("min_size", [50, 100])
def test_equals_upstreams_training_target(reference, min_size):
    photos = reference["rgb_uint8_seen_by_training_filters"]
    expected = np.rint((reference[f"superpixel_train_min{min_size}"] + 1) * 127.5)
    for photo, target in zip(photos, expected):
        np.testing.assert_array_equal(superpixels(photo, min_size=min_size), target)


def test_equals_upstreams_photo_target(reference):
    for photo, target in zip(reference["rgb_uint8"], reference["superpixel_photo_min50"]):
        np.testing.assert_array_equal(superpixels(photo), target)


def test_two_colors_give_two_superpixels():
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, 16:] = [250, 120, 10]
    result = superpixels(picture)
    assert len(np.unique(result.reshape(-1, 3), axis=0)) == 2
    np.testing.assert_array_equal(result[:, :12], picture[:, :12])
    np.testing.assert_array_equal(result[:, 20:], picture[:, 20:])


def test_mean_color_is_truncated():
    # Half 10 and half 11 is one region; its mean 10.5 becomes 10.
    picture = np.full((16, 16, 3), 10, np.uint8)
    picture[:, ::2] = 11
    result = superpixels(picture)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.full_like(picture, 10))


def test_constant_picture_is_unchanged():
    picture = np.broadcast_to(np.uint8([3, 200, 77]), (20, 30, 3))
    np.testing.assert_array_equal(superpixels(picture), picture)


def test_larger_regions_with_a_larger_minimum(noise):
    def count(min_size):
        return len(np.unique(superpixels(noise[0], min_size=min_size).reshape(-1, 3), axis=0))

    assert count(10) > count(200)
