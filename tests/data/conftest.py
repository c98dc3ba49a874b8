import pytest
from helpers.prepared_folders import picture

from animegan3_tf.common.images import write_image


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photo"
    for i, name in enumerate(("a.png", "b.jpg", "more/c.png")):
        write_image(folder / name, picture(i))
    return folder


@pytest.fixture
def anime(tmp_path):
    folder = tmp_path / "show" / "style"
    for i, name in enumerate(("x.png", "y.png")):
        write_image(folder / name, picture(10 + i))
    return folder
