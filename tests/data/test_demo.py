import socket

import numpy as np
import pytest

from animegan3_tf.common.images import find_images, read_image
from animegan3_tf.data.demo import demo_anime, demo_photos


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


def test_the_drawings(tmp_path):
    paths = demo_anime(tmp_path)
    assert find_images(tmp_path) == sorted(paths)
    kinds = [path.stem.split("_")[0] for path in paths]
    assert kinds == 12 * ["portrait", "portrait", "portrait", "landscape"]
    pictures = [read_image(path).rgb for path in paths]
    assert {picture.shape for picture in pictures} == {(128, 128, 3)}
    for i, first in enumerate(pictures):
        for second in pictures[:i]:
            assert np.abs(first.astype(int) - second).mean() > 5
    for kind, picture in zip(kinds, pictures):
        if kind == "portrait":
            assert 0.02 < (picture.max(axis=-1) < 64).mean() < 0.6  # dark ink
            assert (picture.min(axis=-1) > 240).any()  # white highlights


def test_fewer_drawings_are_the_first_ones(tmp_path):
    few, all_of_them = demo_anime(tmp_path / "few", 6), demo_anime(tmp_path / "all")
    assert [path.name for path in few] == [path.name for path in all_of_them[:6]]
    assert few[5].read_bytes() == all_of_them[5].read_bytes()
