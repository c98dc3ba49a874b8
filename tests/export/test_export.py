import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.export import export_generator
from animegan3_tf.export.export import LIMITS
from animegan3_tf.export.saved_model import write_saved_model
from animegan3_tf.networks import build_generator, load_generator, save_generator
from animegan3_tf.stylizer import load_stylizer

SIZE = 64


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder whose generator has batch norm moments as training leaves them, not the initial ones."""
    folder = tmp_path_factory.mktemp("run")
    tf.keras.utils.set_random_seed(0)
    generator = build_generator()
    for weight in generator.non_trainable_weights:
        weight.assign(weight * 0.1 + 0.01)
    save_generator(folder / "generator.h5", generator)
    return folder


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("exported")
    return {result.path.name: result for result in export_generator(run, out, SIZE)}


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)


@pytest.mark.slow
def test_saved_model_holds_the_deployed_weights_and_no_other(exported):
    path = exported["saved_model"].path
    loaded = tf.saved_model.load(str(path))
    assert sum(int(v.shape.num_elements()) for v in loaded.trainable_variables) == 1_027_520
    assert not [v.name for v in loaded.variables if "support" in v.name]
    stored = dict(tf.train.list_variables(str(path / "variables" / "variables")))
    numbers = sum(np.prod(shape, dtype=int) for name, shape in stored.items() if name.endswith("VARIABLE_VALUE"))
    assert numbers == 1_027_520 + 2 * 128  # and the batch norm's moving moments


@pytest.mark.slow
def test_pictures_equal_the_keras_models(run, exported, photo):
    expected = load_generator(run / "generator.h5")(photo, training=False)
    for name, limit in (("saved_model", 1e-5), (f"generator_{SIZE}.tflite", 1e-4)):
        ours = load_stylizer(exported[name].path).forward(photo)
        np.testing.assert_allclose(ours, expected, atol=limit)
        assert exported[name].difference <= limit


@pytest.mark.slow
def test_saved_model_takes_any_size_and_bytes(run, exported):
    loaded = tf.saved_model.load(str(exported["saved_model"].path))
    levels = np.random.default_rng(1).integers(0, 256, (1, 37, 50, 3), dtype=np.uint8)
    anime = loaded.signatures["uint8"](photo=tf.constant(levels))["anime"].numpy()
    assert anime.dtype == np.uint8
    np.testing.assert_allclose(anime[0].astype(int), load_stylizer(run)(levels[0]).astype(int), atol=1)


@pytest.mark.slow
def test_tflite_file_uses_builtin_ops_only(exported):
    interpreter = tf.lite.Interpreter(str(exported[f"generator_{SIZE}.tflite"].path))
    names = {op["op_name"] for op in interpreter._get_ops_details()}
    assert not [name for name in names if name.startswith(("Flex", "CUSTOM"))]


@pytest.mark.slow
def test_saved_model_loads_without_this_package(exported, photo, tmp_path):
    np.save(tmp_path / "photo.npy", photo)
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        "anime = model.signatures['serving_default'](photo=tf.constant(np.load(sys.argv[2])))['anime']\n"
        "assert not [m for m in sys.modules if m.startswith('animegan3_tf')]\n"
        "print(float(tf.reduce_mean(anime)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(exported["saved_model"].path), str(tmp_path / "photo.npy")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    expected = load_stylizer(exported["saved_model"].path).forward(photo).mean()
    assert float(done.stdout) == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_a_file_that_differs_is_an_error(run, tmp_path, monkeypatch):
    monkeypatch.setitem(LIMITS, "tflite", 0.0)
    with pytest.raises(UserError, match=r"tflite' differs from the Keras model by .*do not ship it"):
        export_generator(run, tmp_path, 16)


def test_an_export_replaces_the_one_before_and_leaves_nothing_else(run, tmp_path):
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "stale").write_text("old")
    write_saved_model(tmp_path / "saved_model", load_generator(run / "generator.h5"))
    assert [p.name for p in tmp_path.iterdir()] == ["saved_model"]
    assert not (tmp_path / "saved_model" / "stale").exists()


@pytest.mark.parametrize("size", [0, 8, 100])
def test_sizes_the_network_cannot_take(run, tmp_path, size):
    with pytest.raises(UserError, match=f"--size is {size}; it must be a multiple of 8 from 16 up"):
        export_generator(run, tmp_path, size)


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        export_generator(tmp_path / "nowhere", tmp_path)
