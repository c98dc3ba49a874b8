from pathlib import Path

import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import ImageError
from animegan3_tf.data.dataset import ImageStore


class Pictures:
    """Pictures of 300 bytes whose level is their number; those in `broken` cannot be read."""

    folder, has_targets = Path("somewhere"), False

    def __init__(self, count, broken=()):
        self.count, self.broken, self.loaded = count, broken, []

    def __len__(self):
        return self.count

    def load(self, number):
        self.loaded.append(number)
        if number in self.broken:
            raise ImageError(f"{number} is broken")
        return np.full([10, 10, 3], number, np.uint8)


def test_pictures_are_decoded_once_while_they_fit():
    pictures = Pictures(3)
    store = ImageStore(pictures, cache_bytes=700)
    for _ in range(2):
        assert [store.load(i)[0, 0, 0] for i in range(3)] == [0, 1, 2]
    assert sorted(pictures.loaded) == [0, 1, 2, 2]


def test_a_kept_picture_is_the_one_that_was_decoded_not_a_copy():
    store = ImageStore(Pictures(1))
    assert store.load(0) is store.load(0)


def test_a_broken_picture_is_tried_once_counted_and_named_and_the_next_takes_its_place():
    pictures, warnings = Pictures(4, broken={1, 3}), []
    store = ImageStore(pictures, warnings.append)
    for _ in range(2):
        assert [store.load(i)[0, 0, 0] for i in range(4)] == [0, 2, 2, 0]
    assert warnings == ["left out (1 so far): 1 is broken", "left out (2 so far): 3 is broken"]
    assert sorted(pictures.loaded) == [0, 1, 2, 3]


def test_where_nothing_can_be_read():
    with pytest.raises(UserError, match="no picture in 'somewhere' can be read"):
        ImageStore(Pictures(2, broken={0, 1}), warn=lambda line: None).load(1)
    with pytest.raises(UserError, match="'somewhere' holds no pictures; name another with --photos or --anime"):
        ImageStore(Pictures(0))
