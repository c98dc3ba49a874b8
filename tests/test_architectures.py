import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights import build_deployed, save_generator
from animegan3_tf.networks import tiling
from animegan3_tf.networks.architectures import ARCHITECTURES, architecture_of
from animegan3_tf.stylizer.model import load_stylizer


def test_a_header_names_its_architecture():
    assert architecture_of({"architecture": "animegan2"}, "g.h5") is ARCHITECTURES["animegan2"]


@pytest.mark.parametrize("header", [{}, {"architecture": "animegan4"}, {"architecture": ["animegan2"]}])
def test_a_header_of_something_else_is_refused(header):
    with pytest.raises(UserError, match=r"weights 'g\.h5' are for architecture .*; this version knows animegan1, "):
        architecture_of(header, "g.h5")


def test_the_older_generators_tile_smaller_photos(tmp_path, monkeypatch):
    """They take about twice the memory, and photos are padded to multiples of 4."""
    save_generator(tmp_path / "v2.h5", build_deployed("animegan2", "legacy"), {"architecture": "animegan2"})
    used = []
    monkeypatch.setattr(tiling.TiledGenerator, "__call__", lambda self, photo: used.append(photo.shape) or photo)
    monkeypatch.setattr(tiling, "TILED_ABOVE", 64 * 64)
    stylise = load_stylizer(tmp_path / "v2.h5")
    stylise(np.zeros([32, 64, 3], np.uint8))
    assert used == []
    stylise(np.zeros([38, 64, 3], np.uint8))
    assert used == [(1, 40, 64, 3)]
