import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from animegan3_tf.common.images import resize
from animegan3_tf.models.weights import build_deployed, save_generator
from animegan3_tf.networks import build_generator, tiling
from animegan3_tf.networks.architectures import ARCHITECTURES
from animegan3_tf.networks.tiling import TiledGenerator
from animegan3_tf.stylizer.model import load_stylizer

TILE = 256


@pytest.fixture(scope="module")
def generator():
    tf.keras.utils.set_random_seed(1)
    model = build_generator(tails="main")
    for weight in model.non_trainable_weights:
        weight.assign(weight * 0.1 + 0.01)
    return model


def photo(height, width):
    """A smooth scene with a bright corner, so that tiles left to themselves would differ in tone."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [np.sin(x / 17 + y / 29), np.cos(x / 11), np.sin(y / 13)]
    return (0.4 * np.stack(planes, axis=-1) + 0.5 * (x > width / 2)[..., None] - 0.3)[None].clip(-1, 1)


def test_tiles_with_the_whole_pictures_statistics_equal_one_piece(generator):
    picture = photo(360, 520)
    expected = generator(picture).numpy()
    tiled = TiledGenerator(generator, TILE, reduced_pixels=360 * 520)(picture)
    np.testing.assert_allclose(tiled, expected, atol=1e-4)
    # the bound means something: a tile that keeps to its own statistics is far from it
    assert np.abs(generator(picture[:, :TILE, :TILE]).numpy() - expected[:, :TILE, :TILE]).max() > 0.05


def test_a_reduced_copys_statistics_leave_no_seams(generator):
    picture = photo(256, 768)
    tiled = TiledGenerator(generator, TILE, reduced_pixels=256 * 192)
    whole = TiledGenerator(generator, 768, reduced_pixels=256 * 192)
    np.testing.assert_allclose(tiled(picture), whole(picture), atol=1e-4)


@given(st.integers(2, 1000).map(lambda n: 8 * n), st.sampled_from([256, 512, 1024]))
def test_tiles_cover_every_pixel_with_context(length, tile):
    spans = tiling._spans(length, tile, 64, 8)
    weight = np.zeros(length)
    for start, end in spans:
        assert start % 8 == 0
        assert 0 <= start < end <= length
        assert end - start <= tile
        weight[start:end] += tiling._share(start, end, length, 64)
    assert weight.min() > 0.4


def test_the_stylizer_tiles_large_photos_only(generator, tmp_path, monkeypatch):
    save_generator(tmp_path / "generator.h5", generator)
    used = []
    monkeypatch.setattr(tiling.TiledGenerator, "__call__", lambda self, photo: used.append(photo.shape) or photo)
    monkeypatch.setattr(tiling, "TILED_ABOVE", 64 * 64)
    stylise = load_stylizer(tmp_path)
    stylise(np.zeros([64, 64, 3], np.uint8))
    assert used == []
    stylise(np.zeros([64, 65, 3], np.uint8))
    assert used == [(1, 64, 72, 3)]


def test_tiles_too_small_for_their_overlap_are_refused(generator):
    with pytest.raises(ValueError, match="tile is 192"):
        TiledGenerator(generator, 192)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "tile"),
    [
        ("animegan1", (260, 348), 256),
        ("animegan2", (260, 348), 256),
        ("jp_face", (256, 344), 256),
        ("tiny", (32, 544), 400),
    ],
)
def test_tiles_of_the_other_generators_equal_one_piece(name, size, tile):
    """A size that is a multiple of 4 alone, if may be; random weights amplify rounding (1e-6 in, up to 1e-4 out)."""
    tf.keras.utils.set_random_seed(2)
    other, picture = build_deployed(name, "legacy"), photo(*size)
    expected = other(picture).numpy()
    tiled = TiledGenerator(other, tile, size[0] * size[1], ARCHITECTURES[name])(picture)
    np.testing.assert_allclose(tiled, expected, atol=5e-4)
    alone = other(picture[:, :tile, :tile]).numpy()
    # the bound means something: a tile that keeps to its own statistics is far from it
    assert np.abs(alone - expected[:, :tile, :tile]).max() > 0.01


@pytest.mark.parametrize("size", [(256, 256), (264, 256), (320, 904), (448, 64), (32, 640)])
def test_levels_drawn_tile_by_tile_are_those_of_the_whole_photo_to_the_bit(generator, size):
    """The sums over the whole photo, which a large one has no memory for."""
    levels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    floats = levels[None].astype(np.float32) / 127.5 - 1.0
    tiled = TiledGenerator(generator, TILE, reduced_pixels=20_000)
    drawn = tiled(levels[None])
    total, weight = np.zeros((*size, 3), np.float32), np.zeros((*size, 1), np.float32)
    for top, bottom in tiling._spans(size[0], TILE, 64, 8):
        for left, right in tiling._spans(size[1], TILE, 64, 8):
            rows, columns = tiling._share(top, bottom, size[0], 64), tiling._share(left, right, size[1], 64)
            share = np.outer(rows, columns)[..., None]
            total[top:bottom, left:right] += share * tiled._apply(floats[:, top:bottom, left:right])[0].numpy()
            weight[top:bottom, left:right] += share
    expected = total / weight
    np.testing.assert_array_equal(drawn[0], np.rint((expected + 1.0) * 127.5).clip(0, 255).astype(np.uint8))
    np.testing.assert_array_equal(tiled(floats)[0], expected)


def test_the_reduced_copy_of_levels_is_that_of_floats(generator):
    levels = np.random.default_rng(1).integers(0, 256, (1, 328, 456, 3), dtype=np.uint8)
    tiled = TiledGenerator(generator, TILE, reduced_pixels=20_000)
    floats = levels.astype(np.float32) / 127.5 - 1.0
    expected = resize(floats[0], tiled._reduced(levels).shape[1:3])
    np.testing.assert_array_equal(tiled._reduced(levels)[0], expected)


def test_a_broken_network_gives_no_levels(generator):
    tiled = TiledGenerator(generator, TILE)
    tiled._apply = lambda photo: tf.constant(photo * np.nan)
    with pytest.raises(FloatingPointError):
        tiled(np.zeros((1, 64, 64, 3), np.uint8))
