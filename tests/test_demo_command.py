import numpy as np
import pytest

from animegan3_tf import demo
from animegan3_tf.images import find_images, read_image


@pytest.mark.slow
def test_the_demo_goes_the_whole_way(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "PRETRAIN_STEPS", 1)
    monkeypatch.setattr(demo, "STEPS", 2)
    grid = demo.run_demo(tmp_path, show=lambda line: None)
    rows, columns = 4, 3
    assert read_image(grid).rgb.shape[:2] == (rows * 128 + (rows - 1) * 4, columns * 128 + (columns - 1) * 4)
    assert len(find_images(tmp_path / "anime")) == 4
    # run again, it draws the same picture without training again
    before = read_image(grid).rgb
    np.testing.assert_array_equal(read_image(demo.run_demo(tmp_path, show=lambda line: None)).rgb, before)
