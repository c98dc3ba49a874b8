import numpy as np
import skimage.data

from animegan3_tf.common.images import resize
from animegan3_tf.data.near_duplicates import difference_hash, hamming


def test_bits_by_hand():
    """Rising from left to right: every value is above its left neighbour. Falling: none is. Half of each: 4 of 8."""
    rising = np.repeat(np.arange(0, 90, 10, dtype=np.uint8)[None, :, None], 3, axis=-1).repeat(8, axis=0)
    assert difference_hash(rising) == 2**64 - 1
    assert difference_hash(rising[:, ::-1]) == 0
    tent = np.concatenate([rising[:, :5], rising[:, 3::-1]], axis=1)
    assert difference_hash(tent) == int("11110000" * 8, 2)


def test_distance_counts_bits():
    assert hamming(0b1011, 0b0010) == 2
    assert hamming(2**64 - 1, 0) == 64


def test_size_and_brightness_hardly_matter_and_content_does():
    astronaut, cat = skimage.data.astronaut(), skimage.data.chelsea()
    darker = (resize(astronaut, (200, 200)) * 0.8).astype(np.uint8)
    assert hamming(difference_hash(astronaut), difference_hash(darker)) <= 2
    assert hamming(difference_hash(astronaut), difference_hash(cat)) > 10
