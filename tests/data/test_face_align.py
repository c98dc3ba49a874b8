import math

import cv2
import numpy as np
import pytest

from animegan3_tf.data.face_align import Face, crop_matrix, inverse, tilt, to_source, warp

HALF = [[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]]  # the pixel (0, 0) of a copy of half the size lies amid the first four


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_side_and_center():
    face = Face((10, 20, 30, 60))
    assert (face.side, face.center) == (40, (20, 40))


def test_crop_of_a_box_without_eyes():
    """A side of 40, doubled by the margins, to 20 pixels: 4 a pixel. The crop begins at (-20, 0), its first pixel's
    center lies 2 further in, and pixel centers are half a pixel from where pixels begin."""
    matrix = crop_matrix(Face((10, 20, 30, 60)), size=20, margin=0.5)
    np.testing.assert_allclose(matrix, [[4, 0, -18.5], [0, 4, 1.5]])


def test_crop_of_a_tilted_face():
    """Eyes one to the right and one down of each other: 45 degrees, to the right in the crop is down in the photo."""
    face = Face((0, 0, 8, 8), landmarks=((2, 2), (5, 5)))
    assert tilt(face) == pytest.approx(math.pi / 4)
    matrix = crop_matrix(face, size=8, margin=0)
    half = math.sqrt(0.5)
    np.testing.assert_allclose(matrix, [[half, -half, 3.5], [half, half, 3.5 - 7 * half]], atol=1e-12)
    np.testing.assert_allclose(to_source(matrix, [(4, 4), (5, 4)]), [(4, 4), (4 + half, 4 + half)])


@pytest.mark.parametrize("degrees", [-170, -60, -8, 0, 3, 45, 90])
def test_eyes_end_up_level_whatever_their_tilt(degrees):
    angle = math.radians(degrees)
    eyes = ((40.0, 50.0), (40 + 20 * math.cos(angle), 50 + 20 * math.sin(angle)))
    matrix = crop_matrix(Face((20, 20, 90, 100), landmarks=eyes), size=128, margin=0.1)
    (left, right) = to_source(inverse(matrix), eyes)
    assert left[1] == pytest.approx(right[1])
    assert right[0] - left[0] == pytest.approx(20 * 128 / (80 * 1.2))


def test_unchanged_shifted_and_turned():
    photo = noise(9, 12)
    np.testing.assert_array_equal(warp(photo, np.array([[1.0, 0, 0], [0, 1, 0]]), (9, 12)), photo)
    np.testing.assert_array_equal(warp(photo, np.array([[1.0, 0, 3], [0, 1, 2]]), (5, 6)), photo[2:7, 3:9])
    turned = np.array([[0.0, 1, 0], [-1, 0, 8]])  # x of the result runs up in the source
    np.testing.assert_array_equal(warp(photo, turned, (12, 9)), np.rot90(photo, -1))


def test_shrinking_takes_means_of_areas():
    checks = (np.indices((32, 32)).sum(axis=0) % 2 * 200).astype(np.uint8)
    np.testing.assert_array_equal(warp(checks, np.array(HALF), (16, 16)), np.full((16, 16), 100))
    photo = noise(60, 60)
    for factor in (3, 10):
        matrix = np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2]])
        side = 60 // factor
        means = photo.reshape(side, factor, side, factor, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(warp(photo, matrix, (side, side)), means, atol=1)


def test_a_turned_reduction_does_not_alias():
    checks = (np.indices((400, 400)).sum(axis=0) % 2 * 200).astype(np.uint8)
    face = Face((120, 120, 280, 280), landmarks=((180, 190), (220, 200)))
    result = warp(checks, crop_matrix(face, 30, 0.1), (30, 30))
    assert 92 <= result.min() <= result.max() <= 108


def test_outside_the_photo():
    photo = noise(8, 8)
    left = np.array([[1.0, 0, -2], [0, 1, 0]])
    np.testing.assert_array_equal(warp(photo, left, (8, 4))[:, :2], photo[:, [0, 0]])
    assert not warp(photo, left, (8, 4), cv2.BORDER_CONSTANT)[:, :2].any()
    far = np.array([[1.0, 0, 100], [0, 1, 0]])
    np.testing.assert_array_equal(warp(photo, far, (8, 3)), photo[:, [7, 7, 7]])


def test_sides_beyond_what_opencv_warps():
    """Its limit is 32,767 pixels."""
    strip = np.zeros((8, 40_000, 3), np.uint8)
    strip[:, 20_000:] = 90
    whole = warp(strip, crop_matrix(Face((0, 0, 40_000, 8)), 40, 0), (40, 40), cv2.BORDER_REPLICATE)
    assert (whole[:, :19] == 0).all()
    assert (whole[:, 21:] == 90).all()
    near = warp(strip, np.array([[1.0, 0, 19_998], [0, 1, 0]]), (8, 4))
    np.testing.assert_array_equal(near[0, :, 0], [0, 0, 90, 90])
