import math

import numpy as np
import pytest

from animegan3_tf.export.plan import compare_outputs


def test_differences_of_four_numbers():
    """Errors 0.2 and 0 in the first picture, 0.1 and 0.1 in the second: mean squares 0.02 and 0.01."""
    expected = np.zeros((2, 1, 2, 1))
    found = compare_outputs(expected, np.array([0.2, 0.0, -0.1, 0.1]).reshape(2, 1, 2, 1))
    assert found.max_difference == pytest.approx(0.2)
    assert found.mean_difference == pytest.approx(0.1)
    assert found.worst == 0
    assert found.psnr == pytest.approx(10 * math.log10(4 / 0.015))
    assert found.worst_psnr == pytest.approx(10 * math.log10(4 / 0.02))


def test_equal_pictures_have_no_noise():
    assert compare_outputs(np.ones((1, 2, 2, 3)), np.ones((1, 2, 2, 3))).psnr == math.inf


def test_limits():
    found = compare_outputs(np.zeros((1, 1, 1, 1)), np.full((1, 1, 1, 1), 0.02))  # 40 dB
    assert found.over({"max_difference": 0.02, "psnr": 39.9}) is None
    assert "over the limit of 1e-02" in found.over({"max_difference": 0.01})
    assert "at 40.0 dB PSNR, under the limit of 41" in found.over({"psnr": 41.0})


def test_nan_is_over_every_limit():
    found = compare_outputs(np.zeros((2, 1, 1, 1)), np.array([0.0, np.nan]).reshape(2, 1, 1, 1))
    assert found.worst == 1
    assert found.over({"max_difference": 1.0})
    assert found.over({"psnr": 1.0})
