import numpy as np
import pytest

from animegan3_tf import demo
from animegan3_tf.common.images import find_images, read_image
from animegan3_tf.models import checkpoints

PUPILS = [(203.8, 100.6), (247.1, 103.5)]  # of the astronaut, 512 pixels wide, read from an enlargement


@pytest.mark.slow
def test_training_goes_the_whole_way(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "PRETRAIN_STEPS", 1)
    monkeypatch.setattr(demo, "STEPS", 2)
    grid = demo.train_demo(tmp_path, show=lambda line: None)
    rows, columns = 4, 3
    assert read_image(grid).rgb.shape[:2] == (rows * 128 + (rows - 1) * 4, columns * 128 + (columns - 1) * 4)
    assert len(find_images(tmp_path / "anime")) == 4
    # run again, it draws the same picture without training again
    before = read_image(grid).rgb
    np.testing.assert_array_equal(read_image(demo.train_demo(tmp_path, show=lambda line: None)).rgb, before)


def test_bundled_photos_become_anime(call, tmp_path):
    for _ in range(2):  # again over what stands there
        status, out, _ = call("demo", "--out", str(tmp_path))
        assert status == 0
    assert out.splitlines()[-1] == str(tmp_path / "stylised.png")
    photos, anime = np.split(read_image(tmp_path / "stylised.png").rgb, [384 + 2])
    assert photos.shape == anime.shape == (386, 4 * 384 + 3 * 4, 3)
    assert np.abs(photos[:384].astype(int) - anime[2:]).mean() > 5
    first = read_image(tmp_path / "stylised" / "astronaut.png").rgb
    np.testing.assert_array_equal(anime[2:, :384], first)
    assert "terms of the weights: non-commercial" in out
    # her face at 384 pixels: an iris is drawn, darker than any skin, where the photo has its pupils
    for x, y in PUPILS:
        around = first[round(y * 0.75) - 6 : round(y * 0.75) + 7, round(x * 0.75) - 6 : round(x * 0.75) + 7]
        assert around.mean(axis=2).min() < 90


def test_no_checkpoint_to_show(call, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_CHECKOUT", tmp_path)
    status, _, errors = call("demo", "--out", str(tmp_path / "out"))
    assert status == 1
    assert "no checkpoint is shipped with this version" in errors
    assert not (tmp_path / "out").exists()
