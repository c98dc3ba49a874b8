import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights_file import write_weights
from animegan3_tf.stylizer.model import Stylizer, load_stylizer


def noise(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


# --- one picture ---


@settings(max_examples=100, deadline=None)
@given(st.integers(16, 70), st.integers(16, 70))
def test_identity_gives_back_the_photo(height, width):
    seen = []

    def forward(batch):
        seen.append(batch.shape)
        return batch

    rgb = noise(height, width)
    np.testing.assert_array_equal(Stylizer(forward)(rgb), rgb)
    ((_, rows, columns, _),) = seen
    assert rows % 8 == columns % 8 == 0
    assert 0 <= rows - height < 8
    assert 0 <= columns - width < 8


def test_every_value_survives_the_way_to_floats_and_back():
    rgb = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(Stylizer(lambda batch: batch)(rgb), rgb)


def test_the_model_sees_minus_one_to_one_and_reflections():
    rgb = np.zeros((16, 17, 3), np.uint8)
    rgb[:, 15:] = 255
    seen = []
    Stylizer(lambda batch: seen.append(batch) or batch)(rgb)
    assert seen[0].dtype == np.float32
    # Columns 15 and 16 are white; reflected about 16 come 15 (white), then 14, 13 ... (black).
    np.testing.assert_array_equal(seen[0][0, 0, :, 0], [-1] * 15 + [1, 1, 1] + [-1] * 6)


def test_values_beyond_the_range_are_clipped():
    black = np.zeros((16, 16, 3), np.uint8)
    assert Stylizer(lambda batch: batch + 3)(black).min() == 255
    assert Stylizer(lambda batch: batch - 3)(black).max() == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(16, 200), st.integers(16, 200))
def test_fixed_size_keeps_the_photos_size(height, width):
    def forward(batch):
        assert batch.shape == (1, 64, 48, 3)
        return batch

    flat = np.full((height, width, 3), (10, 20, 30), np.uint8)
    np.testing.assert_array_equal(Stylizer(forward, fixed_size=(64, 48))(flat), flat)
    rgb = noise(height, width)
    if height <= 64 and width <= 48:  # padded, not resampled
        np.testing.assert_array_equal(Stylizer(forward, fixed_size=(64, 48))(rgb), rgb)


def test_one_picture_refusals():
    def exhausted(batch):
        raise MemoryError

    rgb = noise(16, 16)
    for size in ((15, 16), (16, 15)):
        with pytest.raises(UserError, match="give at least 16x16"):
            Stylizer(lambda batch: batch)(noise(*size))
    with pytest.raises(UserError, match="no image"):
        Stylizer(lambda batch: batch * np.nan)(rgb)
    with pytest.raises(UserError, match="no image"):
        Stylizer(lambda batch: batch[:, ::2, ::2])(rgb)
    with pytest.raises(UserError, match="16x16 pixels do not fit in memory"):
        Stylizer(exhausted)(rgb)


# --- models ---


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    """SavedModels that invert colours, of any size and of 32x24."""
    import tensorflow as tf

    class Inverter(tf.Module):
        def __init__(self):
            self.gain = tf.Variable(-1.0)  # a signature alone does not keep variables alive

        @tf.function
        def __call__(self, photo):
            return {"anime": self.gain * photo}

    folder = tmp_path_factory.mktemp("models")
    for name, shape in (("any", [None, None, None, 3]), ("fixed", [1, 32, 24, 3])):
        model = Inverter()
        spec = tf.TensorSpec(shape, tf.float32, name="photo")
        tf.saved_model.save(model, str(folder / name), {"serving_default": model.__call__.get_concrete_function(spec)})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name))
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    return folder


@pytest.mark.parametrize("name", ["any", "any.tflite", "fixed", "fixed.tflite"])
def test_exported_models(saved_models, name):
    stylizer = load_stylizer(saved_models / name)
    for size in ((16, 16), (31, 20), (32, 24), (17, 23)):
        rgb = noise(*size)
        np.testing.assert_array_equal(stylizer(rgb), 255 - rgb)
    large = np.full((100, 50, 3), (10, 20, 30), np.uint8)
    np.testing.assert_array_equal(stylizer(large), 255 - large)
    if name.startswith("any"):
        assert stylizer.fixed_size is None
        assert stylizer.warning is None
    else:
        assert stylizer.fixed_size == (32, 24)
        assert "24x32 pixels only" in stylizer.warning


@pytest.mark.parametrize("where", ["run", "weights.h5"])
def test_weights_trace_once_for_all_sizes(tmp_path, monkeypatch, where):
    traced, loaded = [], []

    def generator(batch, training):
        traced.append(training)
        return -batch

    def filled(header, arrays, path):
        loaded.append(path)
        return generator

    monkeypatch.setattr("animegan3_tf.models.weights._filled", filled)
    expected = tmp_path / where
    if where == "run":
        expected.mkdir()
        expected /= "generator.h5"
    write_weights(expected, {"architecture": "animegan3"}, {})
    stylizer = load_stylizer(tmp_path / where)
    for size in ((16, 16), (40, 33), (64, 48)):
        rgb = noise(*size)
        np.testing.assert_array_equal(stylizer(rgb), 255 - rgb)
    assert traced == [False]
    assert loaded == [expected]


def test_unusable_models(tmp_path, saved_models):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_text("no model")
    (tmp_path / "broken.tflite").write_text("no model")
    (tmp_path / "empty.tflite").touch()
    for name, words in {
        "missing": "does not exist; name a shipped checkpoint",
        "notes.txt": "name a shipped checkpoint",
        "folder": "name a shipped checkpoint",
        "broken": "is not a SavedModel",
        "broken.tflite": "is not a TFLite model",
        "empty.tflite": "is not a TFLite model",
    }.items():
        with pytest.raises(UserError, match=words) as caught:
            load_stylizer(tmp_path / name)
        assert str(caught.value).isprintable()


def test_models_of_another_kind(tmp_path):
    import tensorflow as tf

    module = tf.Module()
    module.call = tf.function(lambda photo: {"anime": photo}, input_signature=[tf.TensorSpec([None, 4], name="photo")])
    tf.saved_model.save(module, str(tmp_path / "m"), {"serving_default": module.call.get_concrete_function()})
    with pytest.raises(UserError, match="but takes float32"):
        load_stylizer(tmp_path / "m")


def test_a_network_that_needs_more_pixels_gets_them(tmp_path):
    """Sixteen pixels are one in the smallest map of the tiny network, which has nothing to reflect."""
    from animegan3_tf.models.weights import build_deployed, save_generator

    save_generator(tmp_path / "tiny.h5", build_deployed("tiny", "legacy"), {"architecture": "tiny"})
    stylizer = load_stylizer(tmp_path / "tiny.h5")
    assert stylizer(noise(16, 17)).shape == (16, 17, 3)


def test_weights_without_a_checksum_are_used_with_a_warning(tmp_path):
    from animegan3_tf.models.weights import build_deployed, save_generator

    path = tmp_path / "tiny.h5"
    save_generator(path, build_deployed("tiny", "legacy"), {"architecture": "tiny"})
    assert load_stylizer(path).warning is None
    path.write_bytes(path.read_bytes()[512:])  # as older versions wrote it
    assert "have no checksum" in load_stylizer(path).warning
