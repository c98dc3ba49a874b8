import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from animegan3_tf.common.hidden_colors import fill_hidden
from animegan3_tf.common.images import DecodedImage, read_image
from animegan3_tf.stylizer.files import stylize_files


def noise(height, width, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def hide(rgb, alpha, colour):
    """The image with another colour where nobody sees it."""
    return np.where(alpha[..., None] == 0, np.array(colour, np.uint8), rgb)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 9), st.sampled_from([0.01, 0.5, 0.99]))
def test_hidden_colours_change_nothing_and_visible_ones_stay(height, width, seed, share):
    random = np.random.default_rng(seed)
    alpha = np.where(random.random((height, width)) < share, random.integers(0, 256, (height, width)), 0)
    alpha, rgb = alpha.astype(np.uint8), noise(height, width, seed=seed)
    filled = fill_hidden(hide(rgb, alpha, (0, 0, 0)), alpha)
    for colour in ((255, 255, 255), (255, 0, 0)):
        np.testing.assert_array_equal(fill_hidden(hide(rgb, alpha, colour), alpha), filled)
    np.testing.assert_array_equal(filled[alpha >= 16], rgb[alpha >= 16])


def test_an_opaque_image_is_itself():
    rgb = noise(9, 9)
    assert fill_hidden(rgb, np.full((9, 9), 255, np.uint8)) is rgb
    assert DecodedImage(rgb).filled() is rgb


def test_flat_colour_is_continued():
    alpha = np.zeros((300, 90), np.uint8)  # more rows than are converted at a time
    alpha[40:60, 30:50] = 255
    rgb = hide(np.full((300, 90, 3), (200, 100, 7), np.uint8), alpha, (0, 255, 0))
    assert np.abs(fill_hidden(rgb, alpha).astype(int) - (200, 100, 7)).max() <= 1


def test_the_nearer_colour_is_continued():
    rgb, alpha = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.uint8)
    rgb[:, 40:], alpha[:, :8], alpha[:, 56:] = 255, 255, 255
    row = fill_hidden(hide(rgb, alpha, (0, 255, 0)), alpha)[32, :, 0].astype(int)
    assert row[10] < 30
    assert row[53] > 225
    assert np.abs(np.diff(row)).max() < 40  # no edge that a network would draw a line along


def test_nothing_visible_is_grey():
    np.testing.assert_array_equal(fill_hidden(noise(20, 30), np.zeros((20, 30), np.uint8)), np.full((20, 30, 3), 128))


def test_what_hardly_shows_hardly_counts():
    rgb, alpha = np.full((32, 32, 3), 50, np.uint8), np.full((32, 32), 255, np.uint8)
    rgb[:, 16:], alpha[:, 16:] = 250, 1
    assert fill_hidden(rgb, alpha)[:, 24:].max() < 80


def palette(path, rgb, alpha):
    quantized = Image.fromarray(rgb).quantize(255)
    image = Image.fromarray(np.where(alpha == 0, 255, np.array(quantized)).astype(np.uint8), "P")
    hidden = rgb[alpha == 0][0].tolist()
    image.putpalette((quantized.getpalette() + [0] * 765)[:765] + hidden)
    image.save(path, transparency=255)


def keyed(path, rgb, alpha):
    Image.fromarray(rgb).save(path, transparency=tuple(rgb[alpha == 0][0].tolist()))


def grey_alpha(path, rgb, alpha):
    Image.fromarray(np.dstack([rgb[..., 0], alpha]), "LA").save(path)


def with_alpha(path, rgb, alpha):
    lossless = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    Image.fromarray(np.dstack([rgb, alpha])).save(path, **lossless)


@pytest.mark.parametrize(
    ("write", "suffix"),
    [
        *((with_alpha, suffix) for suffix in (".png", ".webp", ".tif")),
        *((grey_alpha, suffix) for suffix in (".png", ".tif")),
        *((palette, suffix) for suffix in (".png", ".gif")),
        (keyed, ".png"),
    ],
)
def test_results_of_every_kind_of_transparency(tmp_path, write, suffix):
    rgb, alpha = noise(20, 24) // 2 + 60, np.zeros((20, 24), np.uint8)  # 60..187: neither hidden colour
    alpha[4:14, 5:20] = 255
    for name, colour in (("a", (0, 0, 0)), ("b", (255, 40, 30))):
        write(tmp_path / f"{name}{suffix}", hide(rgb, alpha, colour), alpha)
    stored = [read_image(tmp_path / f"{name}{suffix}") for name in "ab"]
    assert not np.array_equal(stored[0].rgb, stored[1].rgb)
    seen = []
    stylize_files([tmp_path], tmp_path / "out", lambda rgb: seen.append(rgb) or 255 - rgb, suffix=".png")
    np.testing.assert_array_equal(*seen)
    results = [read_image(tmp_path / "out" / f"{name}.png") for name in "ab"]
    np.testing.assert_array_equal(results[0].rgb, results[1].rgb)
    np.testing.assert_array_equal(results[0].alpha, alpha)
