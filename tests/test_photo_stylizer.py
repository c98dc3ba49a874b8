import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import resize
from animegan3_tf.data.face_align import Face
from animegan3_tf.models.model import Model
from animegan3_tf.models.weights_file import read_header, write_weights
from animegan3_tf.stylizer import photos
from animegan3_tf.stylizer.photos import PhotoStylizer, open_photo_stylizer

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


class Sizes:
    """A stylizer that changes nothing and keeps the (height, width) of what it saw."""

    def __init__(self):
        self.seen = []

    def __call__(self, rgb):
        self.seen.append(rgb.shape[:2])
        return rgb


# --- sizes ---


@pytest.mark.parametrize(
    ("height", "width", "size", "drawn"),
    [
        (300, 400, 200, (150, 200)),
        (400, 300, 200, (200, 150)),
        (300, 400, 400, (300, 400)),
        (300, 400, 1024, (300, 400)),  # never enlarged
        (300, 400, None, (300, 400)),
        (300, 400, 0, (300, 400)),
        (40, 4000, 400, (16, 1600)),  # the generator takes no side under 16
        (10, 4000, 400, (10, 4000)),  # such a photo is for the stylizer to refuse
    ],
)
def test_the_longest_side_that_is_drawn(height, width, size, drawn):
    rgb = photo(height=height, width=width)
    for full_size, shape in ((True, (height, width)), (False, drawn)):
        sizes = Sizes()
        assert PhotoStylizer(sizes, size=size, full_size=full_size)(rgb).shape == (*shape, 3)
        assert sizes.seen == [drawn]


def test_a_reduced_photo_looks_the_same_when_it_is_enlarged_again():
    rgb = photo(height=240, width=280)
    result = PhotoStylizer(invert, size=140)(rgb)
    assert np.abs(result.astype(int) - (255 - rgb)).mean() < 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 8}, "--size is 8; give at least 16, or 0 for the photo's own size"),
        ({"size": -1}, "--size is -1"),
        ({"face_size": 32}, "--face-size is 32; give from 64 to 1,024"),
        ({"face_size": 4096}, "--face-size is 4096"),
    ],
)
def test_sizes_out_of_range(options, words):
    with pytest.raises(UserError, match=words):
        PhotoStylizer(invert, **options)


# --- faces ---


def test_without_a_sure_face_it_is_the_whole_photo_stylised():
    rgb = photo()
    for detector in (finds(), finds(Face((40, 30, 80, 80), 0.5))):
        np.testing.assert_array_equal(PhotoStylizer(invert, detector=detector, face_size=64)(rgb), 255 - rgb)


def test_a_face_is_drawn_on_its_own_and_blended_in():
    rgb = photo()
    before = rgb.copy()
    face = finds(Face((40, 30, 80, 70)))
    result = PhotoStylizer(red_faces, detector=face, face_size=64)(rgb)
    np.testing.assert_array_equal(rgb, before)
    assert (result[31:69, 41:79] == (255, 0, 0)).all()  # the face
    crop = np.zeros((120, 140), bool)
    crop[16:84, 26:94] = True  # 1.65 times the side of 40, which is 33 to each side of (60, 50), and a pixel
    np.testing.assert_array_equal(result[~crop], rgb[~crop])
    grey = PhotoStylizer(red_faces, detector=face, face_size=64)(np.zeros_like(rgb))[50, :, 0].astype(int)
    assert (np.diff(grey[:60]) >= 0).all()
    assert np.diff(grey[:60]).max() < 60  # no hard seam


def test_a_face_is_cut_from_the_photo_as_it_came_and_set_where_the_result_shows_it():
    rgb = photo(height=480, width=560)
    face = Face((160, 120, 320, 280))

    def mark(crop):
        """Draws whole photos black; in crops, which hold the photo's own detail, it lets the photo through."""
        return crop if crop.shape == (128, 128, 3) else np.zeros_like(crop)

    stylizer = PhotoStylizer(mark, size=140, detector=finds(face), face_size=128)
    large = stylizer(rgb)
    inside = np.s_[140:260, 180:300]
    assert np.abs(large[inside].astype(int) - rgb[inside]).mean() < 1
    assert not large[:60].any()
    stylizer.full_size = False
    small = stylizer(rgb)
    assert small.shape == (120, 140, 3)
    assert np.abs(small[35:65, 45:75].astype(int) - resize(rgb, (120, 140))[35:65, 45:75]).mean() < 2


def test_it_counts_the_faces_of_each_photo():
    found = iter([[TILTED, Face((0, 0, 30, 30))], [Face((0, 0, 30, 30), 0.5)], []])
    stylizer = PhotoStylizer(invert, detector=lambda _: [next(found)], face_size=64)
    for _ in range(3):
        stylizer(photo())
    assert stylizer.faces_found == [2, 0, 0]


def test_turned_back_a_face_stands_where_it_stood():
    """When both passes do the same, redrawing a tilted face changes hardly anything."""
    rgb = photo()
    for size in (64, 256):
        difference = np.abs(PhotoStylizer(invert, detector=finds(TILTED), face_size=size)(rgb).astype(int) - 255 + rgb)
        assert difference.mean() < 0.5
        assert difference.max() < 16


def test_faces_at_the_border_and_beyond_it():
    rgb = photo()
    faces = [Face((-20, -20, 20, 20)), Face((120, 90, 160, 130)), Face((300, 300, 340, 340))]
    result = PhotoStylizer(red_faces, detector=finds(*faces), face_size=64)(rgb)
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
    results = [
        PhotoStylizer(shade, detector=finds(*faces), face_size=64)(rgb) for faces in ((large, small), (small, large))
    ]
    np.testing.assert_array_equal(*results)
    assert (results[0][40:80, 50:90] == results[0][60, 70]).all()


# --- a step after the network ---


def test_the_finish_sees_photo_drawing_and_landmarks_of_every_pass():
    seen = []

    def finish(rgb, drawing, landmarks):
        np.testing.assert_array_equal(drawing, 255 - rgb)
        seen.append((rgb.shape[:2], landmarks))
        return np.full_like(drawing, 7)

    face = Face((40, 30, 80, 70), landmarks=((50, 50), (70, 50), (60, 60), (52, 68), (68, 68)))
    result = PhotoStylizer(invert, size=70, detector=finds(face), face_size=64, finish=finish)(photo())
    assert (result == 7).all()
    (whole, none), (crop, points) = seen
    assert (whole, none, crop) == ((60, 70), None, (64, 64))
    # framed as pairs are: 4.2 eye distances of 20 are 84 pixels, about a point 0.3 of them below the eyes' middle
    expected = [(32 + (x - 60) * 64 / 84, 32 + (y - 56) * 64 / 84) for x, y in face.landmarks]
    np.testing.assert_allclose(points, expected, atol=1e-6)


# --- what the checkpoint wants ---


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Writes a weights file of a header; opened, its generator changes nothing, and its detector finds nothing."""
    monkeypatch.setattr(photos, "open_model", lambda path: Model("weights", path, None, read_header(path)))
    monkeypatch.setattr(photos, "stylizer_of", lambda model: Sizes())
    monkeypatch.setattr("animegan3_tf.data.face_detector.MtcnnDetector", lambda min_size: finds())

    def write(**header):
        write_weights(tmp_path / "a.h5", {"architecture": "animegan3", **header}, {})
        return tmp_path / "a.h5"

    return write


def test_a_checkpoint_says_how_it_is_used_and_the_caller_has_the_last_word(weights):
    path = weights(stylize={"faces": True, "face_size": 384, "size": 640}, license="research\nonly")
    opened = open_photo_stylizer(path)
    assert (opened.size, opened.face_size, opened.full_size, opened.terms) == (640, 384, True, "research only")
    opened(photo())
    assert opened.faces_found == [0]
    opened = open_photo_stylizer(path, size=0, faces=False, face_size=128, full_size=False)
    assert (opened.size, opened.face_size, opened.full_size, opened.detector) == (0, 128, False, None)


def test_a_checkpoint_that_says_nothing_draws_whole_photos(weights):
    opened = open_photo_stylizer(weights())
    assert (opened.size, opened.face_size, opened.detector, opened.terms) == (0, 256, None, "not stated")
    assert open_photo_stylizer(weights(), faces=True).detector is not None


@pytest.mark.parametrize("wrong", [{"face": True}, {"faces": 1}, {"size": "1024"}, {"size": True}, [], None])
def test_a_header_that_is_not_understood(weights, wrong):
    with pytest.raises(UserError, match="the weights' header says 'stylize'"):
        open_photo_stylizer(weights(stylize=wrong))


def test_a_face_is_blended_in_the_same_whatever_the_strips(monkeypatch):
    rgb, face = photo(height=240, width=280), finds(Face((80, 60, 160, 150)))
    drawn = PhotoStylizer(red_faces, detector=face, face_size=64)(rgb)
    monkeypatch.setattr(photos, "_STRIP", 7)
    np.testing.assert_array_equal(PhotoStylizer(red_faces, detector=face, face_size=64)(rgb), drawn)
    assert (drawn == (255, 0, 0)).all(axis=-1).any()
