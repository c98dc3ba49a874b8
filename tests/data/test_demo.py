import socket

import cv2
import numpy as np
import pytest

from animegan3_tf.common.images import find_images, read_image
from animegan3_tf.data.demo import demo_anime, demo_photos


def flat_share(image):
    """Share of pixels whose 3x3 neighbourhood spans at most 4 levels in every channel."""
    span = cv2.dilate(image, np.ones((3, 3))) - cv2.erode(image, np.ones((3, 3)))
    return (span.max(axis=-1) <= 4).mean()


def ink_share(image):
    return (image.max(axis=-1) < 64).mean()


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    paths = demo_anime(tmp_path_factory.mktemp("style"), count=12, size=96, seed=3)
    return {path.stem: read_image(path).rgb for path in paths}


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the demo data must not be downloaded")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_photos_are_distinct_squares_with_credits_and_no_download(tmp_path, no_network):
    made = demo_photos(tmp_path / "photo", size=48)
    assert len(made.training) == 12
    assert len(made.evaluation) == 4
    assert find_images(tmp_path / "photo") == sorted(made.training)
    assert find_images(tmp_path / "photo_evaluation") == sorted(made.evaluation)
    pictures = [read_image(path).rgb for path in made.training + made.evaluation]
    assert {picture.shape for picture in pictures} == {(48, 48, 3)}
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert np.abs(first.astype(int) - second).mean() > 5
    assert (tmp_path / "photo" / "CREDITS.txt").read_text() == made.credits
    for source in ("astronaut", "chelsea", "coffee", "rocket"):
        assert source in made.credits


def test_photos_larger_than_the_originals_are_square_too(tmp_path):
    made = demo_photos(tmp_path / "photo", size=450)  # crops that ran over an edge would come out stretched, or fail
    assert {read_image(path).rgb.shape for path in made.training} == {(450, 450, 3)}


def test_drawings_depend_on_seed_and_number_only(tmp_path):
    first = demo_anime(tmp_path / "a", count=4, size=48, seed=1)
    again = demo_anime(tmp_path / "b", count=6, size=48, seed=1)
    other = demo_anime(tmp_path / "c", count=4, size=48, seed=2)
    assert len(again) == 6
    assert [path.name for path in first] == [path.name for path in again[:4]]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again[:4]]
    for one, two in zip(first, other):
        assert one.read_bytes() != two.read_bytes()


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
