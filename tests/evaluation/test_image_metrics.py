"""Metrics of one picture, or of a photo and its picture."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from helpers.prepared_folders import picture

from animegan3_tf.evaluation.distances import artfid
from animegan3_tf.evaluation.image_scores import (
    ciede2000_shift,
    edge_retention,
    feature_map_distance,
    flatness,
    multi_scale_ssim,
    yuv_shift,
)


def plain(*rgb, side=16):
    return np.full((side, side, 3), rgb, np.uint8)


def test_ciede2000_from_black_to_white_is_100():
    assert ciede2000_shift(plain(0, 0, 0), plain(255, 255, 255)) == pytest.approx(100.0, abs=1e-3)
    assert ciede2000_shift(plain(10, 20, 30), plain(10, 20, 30)) == 0.0
    half = np.concatenate([plain(0, 0, 0), plain(255, 255, 255)])
    assert ciede2000_shift(plain(0, 0, 0, side=16).repeat(2, axis=0), half) == pytest.approx(50.0, abs=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "expected"),  # Sharma, Wu & Dalal (2005), table 1, pairs 1, 7, 17 and 25
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_library_agrees_with_the_published_pairs(first, second, expected):
    from skimage.color import deltaE_ciede2000

    assert deltaE_ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


def test_yuv_of_grey_moves_in_y_alone():
    assert yuv_shift(plain(0, 0, 0), plain(255, 255, 255)) == pytest.approx(1 / 3, abs=1e-6)
    # red: Y 0.299, U -0.14714, V 0.61498
    assert yuv_shift(plain(0, 0, 0), plain(255, 0, 0)) == pytest.approx((0.299 + 0.14714 + 0.61498) / 3, abs=1e-5)


def test_edges_that_move_a_little_are_kept_and_others_are_not():
    def step(at):
        image = plain(0, 0, 0, side=64)
        image[:, at:] = 255
        return image

    assert edge_retention(step(30), step(30)) == 1.0
    assert edge_retention(step(30), step(32)) == 1.0
    assert edge_retention(step(30), step(36)) == 0.0
    assert edge_retention(step(30), plain(0, 0, 0, side=64)) == 0.0
    assert edge_retention(plain(0, 0, 0, side=64), step(30)) is None
    both = np.concatenate([step(30)[:32], plain(0, 0, 0, side=64)[:32]])
    assert edge_retention(step(30), both) == pytest.approx(0.5, abs=0.05)


def test_flat_pixels_are_counted():
    assert flatness(plain(7, 8, 9)) == 1.0
    image = plain(7, 8, 9, side=10)
    image[5, 5, 1] = 8 + 7  # one level over the tolerance: its 3x3 surroundings see it
    assert flatness(image) == pytest.approx(0.91)
    image[5, 5, 1] = 8 + 6
    assert flatness(image) == 1.0
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert flatness(noise) < 0.01


def test_structural_similarity_falls_with_blur():
    photo = picture(0, 192)
    scores = [multi_scale_ssim(photo, cv2.GaussianBlur(photo, (0, 0), sigma)) for sigma in (0.5, 2, 8)]
    assert multi_scale_ssim(photo, photo) == pytest.approx(1.0, abs=1e-6)
    assert 1 > scores[0] > scores[1] > scores[2] > 0
    assert multi_scale_ssim(photo[:175], photo[:175]) is None


def test_structural_similarity_of_plain_pictures_worked_out_by_hand():
    # no variance: contrast and structure are 1, and luminance (2 xy + c) / (x^2 + y^2 + c) counts at the last scale
    x, y, c = 100.0, 150.0, (0.01 * 255) ** 2
    expected = ((2 * x * y + c) / (x * x + y * y + c)) ** 0.1333
    assert multi_scale_ssim(plain(100, 100, 100, side=176), plain(150, 150, 150, side=176)) == pytest.approx(
        expected, abs=1e-4
    )


def test_artfid_multiplies():
    assert artfid(0.0, 0.0) == 1.0
    assert artfid(0.5, 100.0) == 151.5


def test_feature_map_distance_worked_out_by_hand():
    # one tap of 1x2 positions: unit vectors (0.6, 0.8) and (1, 0), then the same twice
    a = {"t": tf.constant([[[[3.0, 4.0], [0.0, 2.0]]]])}
    b = {"t": tf.constant([[[[7.0, 0.0], [0.0, 5.0]]]])}
    assert feature_map_distance(a, b).numpy() == pytest.approx([(0.16 + 0.64) / 2 / 2])
    weights = {"t": tf.constant([10.0, 1.0])}
    assert feature_map_distance(a, b, weights).numpy() == pytest.approx([(1.6 + 0.64) / 2])
    two = {**a, "u": a["t"]}, {**b, "u": b["t"]}
    assert feature_map_distance(*two).numpy() == pytest.approx([2 * 0.2])
