import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.export.plan import bundled_photos, fitted, read_photos


def test_photos_are_spread_over_the_folder(photos):
    first, last = read_photos(photos, 2, "--photos")
    assert (first.shape, last.shape) == ((40, 70, 3), (90, 50, 3))
    assert len(read_photos(photos, 9, "--photos")) == 3


def test_a_folder_without_photos(tmp_path):
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(UserError, match=r"--calibrate .* holds no photos"):
        read_photos(tmp_path, 3, "--calibrate")
    with pytest.raises(UserError, match="is not a folder"):
        read_photos(tmp_path / "absent", 3, "--calibrate")


def test_the_middle_is_taken_without_stretching():
    """A 20x60 photo whose outer thirds are black: its middle square is white."""
    photo = np.zeros((20, 60, 3), np.uint8)
    photo[:, 20:40] = 255
    np.testing.assert_array_equal(fitted([photo], (16, 16)), np.ones((1, 16, 16, 3), np.float32))
    assert fitted([photo], (16, 48)).shape == (1, 16, 48, 3)


def test_bundled_photos_are_real_pictures():
    assert all(photo.ndim == 3 and photo.std() > 20 for photo in bundled_photos())
