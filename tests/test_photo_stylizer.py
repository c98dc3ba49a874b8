import numpy as np

from animegan3_tf.data.face import Face
from animegan3_tf.face_stylizer import FaceStylizer
from animegan3_tf.images import resize

TILTED = Face((40, 30, 80, 80), landmarks=((50, 45), (68, 52)))


def photo(seed=0, height=120, width=140):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return resize(coarse, (height, width))


def finds(*faces):
    return lambda pictures: [list(faces) for _ in pictures]


def invert(rgb):
    return 255 - rgb


def red_faces(rgb):
    """Tells the two passes apart: crops of 64x64 become red."""
    return np.full_like(rgb, (255, 0, 0)) if rgb.shape == (64, 64, 3) else rgb


def test_without_a_sure_face_it_is_the_whole_photo_stylised():
    rgb = photo()
    for detector in (finds(), finds(Face((40, 30, 80, 80), 0.5))):
        np.testing.assert_array_equal(FaceStylizer(invert, detector, 64)(rgb), 255 - rgb)


def test_a_face_is_drawn_on_its_own_and_blended_in():
    rgb = photo()
    before = rgb.copy()
    result = FaceStylizer(red_faces, finds(Face((40, 30, 80, 70))), 64)(rgb)
    np.testing.assert_array_equal(rgb, before)
    assert (result[35:65, 45:75] == (255, 0, 0)).all()  # the face
    crop = np.zeros((120, 140), bool)
    crop[18:82, 28:92] = True  # a side of 40 and 0.3 of it around
    np.testing.assert_array_equal(result[~crop], rgb[~crop])
    grey = FaceStylizer(red_faces, finds(Face((40, 30, 80, 70))), 64)(np.zeros_like(rgb))[50, :, 0].astype(int)
    assert (np.diff(grey[:60]) >= 0).all()
    assert np.diff(grey[:60]).max() < 50  # no hard seam


def test_it_counts_the_faces_of_each_photo():
    found = iter([[TILTED, Face((0, 0, 30, 30))], [Face((0, 0, 30, 30), 0.5)], []])
    stylizer = FaceStylizer(invert, lambda _: [next(found)], 64)
    for _ in range(3):
        stylizer(photo())
    assert stylizer.faces_found == [2, 0, 0]


def test_turned_back_a_face_stands_where_it_stood():
    """When both passes do the same, redrawing a tilted face changes hardly anything."""
    rgb = photo()
    for size in (32, 64, 256):  # smaller and larger than in the photo
        difference = np.abs(FaceStylizer(invert, finds(TILTED), size)(rgb).astype(int) - (255 - rgb))
        assert difference.mean() < 0.5
        assert difference.max() < 16


def test_faces_at_the_border_and_beyond_it():
    rgb = photo()
    faces = [Face((-20, -20, 20, 20)), Face((120, 90, 160, 130)), Face((300, 300, 340, 340))]
    result = FaceStylizer(red_faces, finds(*faces), 64)(rgb)
    assert (result[:10, :10] == (255, 0, 0)).all()
    assert (result[-15:, -10:] == (255, 0, 0)).all()
    np.testing.assert_array_equal(result[50:60], rgb[50:60])


def test_a_large_face_lies_in_front_of_a_small_one():
    def shade(rgb):
        return np.full_like(rgb, rgb[32, 32]) if rgb.shape == (64, 64, 3) else rgb

    rgb = np.zeros((120, 140, 3), np.uint8)
    rgb[60, 70] = 255
    rgb[55:66, 60:80] = 200
    large, small = Face((40, 30, 100, 90)), Face((50, 5, 70, 25))
    result = FaceStylizer(shade, finds(large, small), 64)(rgb)
    np.testing.assert_array_equal(result, FaceStylizer(shade, finds(small, large), 64)(rgb))
    assert (result[40:80, 50:90] == result[60, 70]).all()
