import hashlib
from pathlib import Path

import numpy as np
import pytest

from animegan3_tf.stylizer import SHIPPED, load_stylizer, newest_shipped_checkpoint

FOLDERS = sorted(path.parent for path in SHIPPED.glob("*/generator.h5"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_shipped_checkpoint_is_whole_small_and_described(folder):
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    assert (folder / "generator.h5").stat().st_size <= 2.2e6
    card = (folder / "card.md").read_text()
    for words in ("Trained on", "Known failures", "Licence"):
        assert words in card


def test_the_newest_one_changes_a_photo_and_keeps_its_layout():
    path = newest_shipped_checkpoint()
    assert isinstance(path, Path)
    import skimage.data

    photo = skimage.data.astronaut()[:256, 80:336]
    anime = load_stylizer(path)(photo)
    difference = np.abs(anime.astype(int) - photo)
    assert difference.mean() > 5
    blocks = [image.reshape(16, 16, 16, 16, 3).mean((1, 3, 4)).ravel() for image in (photo, anime)]
    assert np.corrcoef(*blocks)[0, 1] > 0.8
