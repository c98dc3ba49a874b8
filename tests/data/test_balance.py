import json

import numpy as np
import pytest
from helpers.prepared_folders import counts
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.colors import balance_settings, balanced
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import smooth_target, style_targets


def flat(*levels):
    return np.full((32, 32, 3), levels, np.uint8)


@pytest.fixture
def warm(tmp_path):
    """Two anime pictures whose mean is (160, 100, 70): 110 over the channels."""
    folder = tmp_path / "show" / "style"
    write_image(folder / "a.png", flat(150, 90, 80))
    write_image(folder / "b.png", flat(170, 110, 60))
    return folder


def test_the_mean_shift_takes_a_folders_cast_away(warm):
    settings = balance_settings("mean", warm)
    assert settings == {"how": "mean", "shift": [-50, 10, 40]}
    np.testing.assert_array_equal(balanced(flat(150, 90, 80), settings), flat(100, 100, 120))
    np.testing.assert_array_equal(balanced(flat(10, 250, 0), settings), flat(0, 255, 40))  # no wrapping round


def test_equalizing_spreads_brightness_and_keeps_grey_grey():
    settings = balance_settings("equalize", "nowhere")
    ramp = np.repeat(np.arange(100, 116, dtype=np.uint8).reshape(1, 16, 1), 3, axis=-1).repeat(4, axis=0)
    result = balanced(ramp, settings).astype(int)
    assert (result.min(), result.max()) == (0, 255)
    assert np.ptp(result, axis=-1).max() <= 1
    assert (np.diff(result[0, :, 0]) > 0).all()


def test_none_is_none(warm):
    assert balance_settings("none", warm) is None
    picture = flat(1, 2, 3)
    assert balanced(picture, None) is picture


def test_smoothed_targets_are_of_the_balanced_pictures_and_follow_the_setting(photos, warm):
    style = tiny_style({"data.balance": "mean"})
    assert counts(prepare(style_targets(tiny_style(), photos, warm))) == (8, 0, 0)
    assert counts(prepare(style_targets(style, photos, warm))) == (2, 6, 0)
    np.testing.assert_array_equal(read_image(warm.parent / "smooth" / "a.png").rgb[0, 0], (100, 100, 120))
    record = json.loads((warm.parent / "manifest.json").read_text())["smooth"]["a.png"]
    assert record["parameters"]["balance"] == {"how": "mean", "shift": [-50, 10, 40]}
    assert counts(prepare(style_targets(style, photos, warm))) == (0, 8, 0)
    write_image(warm / "c.png", flat(40, 100, 160))  # another mean, another shift: all are made again
    assert counts(prepare(style_targets(style, photos, warm))) == (3, 6, 0)
    assert counts(prepare(style_targets(tiny_style(), photos, warm))) == (3, 6, 0)


def test_a_smoothed_target_is_balanced_at_working_size():
    made = smooth_target(flat(150, 90, 80), "a", 0.0, (16, 16), {"how": "mean", "shift": [-50, 10, 40]})
    np.testing.assert_array_equal(made, flat(100, 100, 120)[:16, :16])


def test_an_unknown_balance_is_refused():
    with pytest.raises(UserError, match="balance is 'colour'; it must be 'none', 'mean' or 'equalize'"):
        tiny_style({"data.balance": "colour"})
