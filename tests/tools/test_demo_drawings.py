import cv2
import demo_drawings
import numpy as np
import pytest

from animegan3_tf.common.images import read_image
from animegan3_tf.data.demo import DRAWINGS, demo_photos


def flat_share(image):
    """Share of pixels whose 3x3 neighbourhood spans at most 4 levels in every channel."""
    span = cv2.dilate(image, np.ones((3, 3))) - cv2.erode(image, np.ones((3, 3)))
    return (span.max(axis=-1) <= 4).mean()


def ink_share(image):
    return (image.max(axis=-1) < 64).mean()


@pytest.fixture(scope="module")
def drawings():
    return dict(demo_drawings.drawing(number, size=96, seed=3) for number in range(12))


def test_drawings_depend_on_seed_and_number_only():
    first = [demo_drawings.drawing(number, 48, seed=1) for number in range(4)]
    again = [demo_drawings.drawing(number, 48, seed=1) for number in range(4)]
    other = [demo_drawings.drawing(number, 48, seed=2) for number in range(4)]
    for (name, one), (same_name, same), (_, two) in zip(first, again, other):
        assert name == same_name
        np.testing.assert_array_equal(one, same)
        assert (one != two).any()


def test_three_portraits_to_one_landscape(drawings):
    kinds = [name.split("_")[0] for name in drawings]
    assert kinds.count("portrait") == 9
    assert kinds.count("landscape") == 3


def test_drawings_are_flat_areas_with_hard_edges(drawings, tmp_path):
    for name, image in drawings.items():  # a landscape's sky is a gradient
        assert flat_share(image) > (0.4 if name.startswith("portrait") else 0.2), name
        assert cv2.Canny(image, 100, 200).any(), name
    photos = [read_image(path).rgb for path in demo_photos(tmp_path / "photo", size=96).training]
    assert np.mean([flat_share(image) for image in drawings.values()]) > 2 * np.mean([flat_share(p) for p in photos])


def test_portraits_have_dark_ink_and_white_highlights(drawings):
    for name, image in drawings.items():
        if name.startswith("portrait"):
            assert 0.02 < ink_share(image) < 0.6, name
            assert (image.min(axis=-1) > 240).any(), name


def test_drawings_differ_from_one_another(drawings):
    pictures = list(drawings.values())
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert np.abs(first.astype(int) - second).mean() > 10


def test_the_package_carries_these_drawings(tmp_path):
    assert demo_drawings.main(["--out", str(tmp_path)]) == 0
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == sorted(path.name for path in DRAWINGS.iterdir())
    for path in drawn[::6]:  # another version of OpenCV may round another way
        one, two = (read_image(folder / path.name).rgb.astype(int) for folder in (tmp_path, DRAWINGS))
        assert np.abs(one - two).mean() < 1, path.name
