import numpy as np
import pytest
import tensorflow as tf
from helpers.layer_contract import check_layer

from animegan3_tf.layers import Downsample2x, Upsample2x


@pytest.mark.parametrize("grid", ["half_pixel", "legacy"])
def test_contract(grid, tmp_path):
    check_layer(lambda: Upsample2x(grid), tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        # centres of the output at -0.25, 0.25, 0.75, 1.25 of the input, clamped
        ("half_pixel", [0.0, 1.0, 3.0, 4.0]),
        # corners of the output at 0, 0.5, 1, 1.5 of the input, clamped
        ("legacy", [0.0, 2.0, 4.0, 4.0]),
    ],
)
def test_one_row_by_hand(grid, expected):
    row = tf.constant([0.0, 4.0], shape=[1, 1, 2, 1])
    np.testing.assert_allclose(np.array(Upsample2x(grid)(row))[0, 0, :, 0], expected)


def test_unknown_grid():
    with pytest.raises(ValueError, match="grid is 'nearest'"):
        Upsample2x("nearest")


@pytest.mark.parametrize("grid", ["half_pixel", "legacy"])
def test_contract_of_halving(grid, tmp_path):
    check_layer(lambda: Downsample2x(grid), tmp_path=tmp_path)


@pytest.mark.parametrize(("grid", "expected"), [("half_pixel", [1.0, 7.0]), ("legacy", [0.0, 6.0])])
def test_halving_one_row_by_hand(grid, expected):
    """The mean of each pair of pixels, or the first of each."""
    rows = tf.constant([[0.0, 2.0, 6.0, 8.0]] * 2)[None, :, :, None]
    np.testing.assert_allclose(np.array(Downsample2x(grid)(rows))[0, 0, :, 0], expected)
