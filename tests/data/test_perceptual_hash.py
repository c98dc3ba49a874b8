import io

import numpy as np
from PIL import Image

from animegan3_tf.common.images import jpeg_bytes, resize
from animegan3_tf.data.near_duplicates import SeenImages, perceptual_hash


def scene(seed, side=96):
    """Soft blobs: what photos have in common is that neighbours resemble each other."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return resize(coarse, (side, side))


def bits(a, b):
    return sum(bin(x ^ y).count("1") for x, y in zip(perceptual_hash(a), perceptual_hash(b)))


def test_a_bright_left_half_has_the_odd_horizontal_frequencies():
    """The step transforms to sin(k pi / 2) / sin(k pi / 128): positive at 1, 5, 9, 13, negative or 0 elsewhere."""
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32] = 255
    assert perceptual_hash(picture) == bytes([0b01000100, 0b01000100] + [0] * 30)
    assert perceptual_hash(picture[:, ::-1]) == bytes([0b00010001, 0b00010001] + [0] * 30)  # 3, 7, 11, 15


def test_flat_pictures_are_alike():
    assert perceptual_hash(np.full((50, 70, 3), 13, np.uint8)) == perceptual_hash(np.full((64, 64, 3), 200, np.uint8))


def test_the_same_picture_reduced_darkened_and_compressed_differs_in_few_bits_and_another_in_many():
    for seed in range(5):
        picture = scene(seed, 256)
        again = np.array(Image.open(io.BytesIO(jpeg_bytes(resize(picture, (180, 180)), quality=60))))
        assert bits(picture, again) <= 16
        assert bits(picture, (picture * 0.8 + 10).astype(np.uint8)) <= 16
        assert bits(picture, scene(seed + 100)) >= 80


def test_the_nearest_of_the_seen_pictures():
    seen = SeenImages()
    assert seen.nearest(bytes(32)) == (None, 256)
    seen.add("ones", b"\xff" * 32)
    seen.add("nearly none", bytes(31) + b"\x07")
    assert seen.nearest(bytes(32)) == ("nearly none", 3)
    seen.add("none", bytes(32))
    assert seen.nearest(bytes(32)) == ("none", 0)
    assert seen.nearest(b"\xff" * 31 + b"\xfe") == ("ones", 1)
