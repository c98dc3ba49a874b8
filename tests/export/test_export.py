import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.commands.models import describe_model
from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.export import ExportPlan, export_generator
from animegan3_tf.export.convert import convert_tflite
from animegan3_tf.export.plan import LIMITS
from animegan3_tf.models.litert import open_interpreter
from animegan3_tf.models.litert import run as run_tflite
from animegan3_tf.models.weights import KERAS_3
from animegan3_tf.stylizer.model import load_stylizer

SIZE = 64  # conftest.py exports at it
MAIN_WEIGHTS = 1_027_520


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype(np.float32)


@pytest.mark.slow
def test_the_files_that_were_asked_for_and_no_other(exported):
    out, files = exported
    names = [f"generator_{SIZE}_{precision}.tflite" for precision in LIMITS if precision != "saved_model"]
    assert sorted(files) == sorted(["saved_model", *names, "generator_dynamic_float32.tflite"])
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "compared", "export.json"])


@pytest.mark.slow
def test_every_file_is_within_its_limits_and_size(exported):
    sizes = {"float32": 4.3e6, "float16": 2.2e6, "dynamic": 1.2e6, "int8": 1.25e6, "int8_uint8io": 1.25e6}
    for file in exported[1].values():
        limits = LIMITS["saved_model" if file.format == "saved_model" else file.precision]
        assert file.comparison.over(limits) is None
        if file.format == "tflite":
            assert file.bytes <= sizes[file.precision]


@pytest.mark.slow
def test_the_report_describes_every_file(exported):
    out, files = exported
    report = json.loads((out / "export.json").read_text())
    assert report["model"]["author"] == "A. Nonymous"
    assert [entry["file"] for entry in report["files"]] == list(files)
    for entry in report["files"]:
        file = files[entry["file"]]
        assert entry["difference"]["max"] == file.comparison.max_difference
        assert images.read_image(out / entry["picture"]).rgb.shape[1] > 3 * SIZE  # photo, model, file
        if file.path.is_file():
            assert entry["sha256"] == hashlib.sha256(file.path.read_bytes()).hexdigest()
            assert entry["bytes"] == file.path.stat().st_size


@pytest.mark.slow
def test_saved_model_holds_the_deployed_weights_and_no_other(exported):
    path = exported[1]["saved_model"].path
    loaded = tf.saved_model.load(str(path))
    assert sum(int(v.shape.num_elements()) for v in loaded.trainable_variables) == MAIN_WEIGHTS
    assert not [v.name for v in loaded.variables if "support" in v.name]
    stored = dict(tf.train.list_variables(str(path / "variables" / "variables")))
    numbers = sum(np.prod(shape, dtype=int) for name, shape in stored.items() if name.endswith("VARIABLE_VALUE"))
    assert numbers == MAIN_WEIGHTS + 2 * 128  # and the batch norm's moving moments


@pytest.mark.slow
def test_pictures_equal_the_keras_models(generator, exported, photo):
    expected = generator(photo, training=False)
    for name, limit in (("saved_model", 1e-5), (f"generator_{SIZE}_float32.tflite", 1e-4)):
        np.testing.assert_allclose(load_stylizer(exported[1][name].path).forward(photo), expected, atol=limit)


@pytest.mark.slow
def test_stylize_takes_every_file(run, exported):
    levels = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    expected = load_stylizer(run)(levels).astype(float)
    for name, file in exported[1].items():
        anime = load_stylizer(file.path)(levels)
        assert anime.dtype == np.uint8
        worst = np.sqrt(np.mean((anime - expected) ** 2))
        assert worst <= (8.1 if file.precision in ("dynamic", "int8", "int8_uint8io") else 1.0), name  # 30 dB: 8.06


@pytest.mark.slow
def test_open_sizes(run, exported):
    levels = np.random.default_rng(1).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    expected = load_stylizer(run)(levels).astype(int)
    anime = load_stylizer(exported[1]["generator_dynamic_float32.tflite"].path)(levels)
    np.testing.assert_allclose(anime.astype(int), expected, atol=1)
    loaded = tf.saved_model.load(str(exported[1]["saved_model"].path))
    anime = loaded.signatures["uint8"](photo=tf.constant(levels[None]))["anime"].numpy()
    assert anime.dtype == np.uint8
    np.testing.assert_allclose(anime[0].astype(int), expected, atol=1)


@pytest.mark.slow
def test_tflite_graphs_are_made_for_delegates(exported):
    for file in exported[1].values():
        if file.format != "tflite":
            continue
        operations = file.facts["operations"]
        assert not [name for name in operations if name.startswith(("Flex", "CUSTOM"))]
        if file.size is not None:
            for unfit in ("MIRROR_PAD", "RESHAPE", "TRANSPOSE", "SOFTMAX", "BATCH_MATMUL", "SUM"):
                assert unfit not in operations
            assert operations["CONV_2D"] == 14 + 13 + 3  # the network's, LADE's, the attention's
    assert exported[1][f"generator_{SIZE}_float32.tflite"].facts["delegate"]["flop_share"] == 1.0


def analyzed(path, capfd):
    capfd.readouterr()
    tf.lite.experimental.Analyzer.analyze(model_path=str(path), gpu_compatibility=True)
    return capfd.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "dynamic", "int8", "int8_uint8io"])
def test_the_analyzer_finds_nothing_a_gpu_could_not_do(exported, precision, capfd):
    told = analyzed(exported[1][f"generator_{SIZE}_{precision}.tflite"].path, capfd)
    assert "Your model looks compatible with GPU delegate" in told
    assert "GPU COMPATIBILITY WARNING" not in told


@pytest.mark.slow
def test_the_analyzer_finds_nothing_in_float16_but_what_it_finds_in_any(exported, capfd):
    """TensorFlow 2.15's refuses every convolution with float16 weights, which GPU delegates take: even one alone."""
    convolution = tf.keras.Sequential([tf.keras.Input((16, 16, 8)), tf.keras.layers.Conv2D(8, 3)])
    converter = tf.lite.TFLiteConverter.from_keras_model(convolution)
    converter.optimizations, converter.target_spec.supported_types = [tf.lite.Optimize.DEFAULT], [tf.float16]
    alone = exported[0] / "compared" / "convolution.tflite"
    alone.write_bytes(converter.convert())
    refusals = [
        {line.strip() for line in analyzed(path, capfd).splitlines() if "COMPATIBILITY WARNING: Expected" in line}
        for path in (alone, exported[1][f"generator_{SIZE}_float16.tflite"].path)
    ]
    alone.unlink()
    assert refusals[0] == refusals[1]
    assert bool(refusals[0]) != KERAS_3


@pytest.mark.slow
def test_an_int8_file_takes_and_gives_bytes(exported):
    interpreter, _ = open_interpreter(exported[1][f"generator_{SIZE}_int8_uint8io.tflite"].path)
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    for details in (source, result):
        assert details["dtype"] == np.uint8
        scale, zero = details["quantization"]
        # black and white are the ends of the range, to a level
        assert (0 - zero) * scale == pytest.approx(-1.0, abs=1 / 127)
        assert (255 - zero) * scale == pytest.approx(1.0, abs=1 / 127)


@pytest.mark.slow
def test_files_tell_what_they_are(exported):
    for name, kind in (("saved_model", "SavedModel"), (f"generator_{SIZE}_int8.tflite", "TFLite")):
        told = describe_model(exported[1][name].path)
        assert told["kind"] == kind
        assert told["name"] == "AnimeGANv3 tiny"
        assert told["version"] == "0.1, step 7"
        assert told["author"] == "A. Nonymous"
        assert told["license"] == "not stated"
    assert "Trained on: nothing." in told["description"]


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
    path = exported[1]["saved_model"].path
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "photo.npy")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert float(done.stdout) == pytest.approx(load_stylizer(path).forward(photo).mean(), abs=1e-5)


@pytest.mark.slow
def test_a_file_that_differs_is_an_error_and_leaves_all_as_it_was(run, photos, tmp_path, monkeypatch):
    (tmp_path / "generator_16_float32.tflite").write_text("an earlier one")
    monkeypatch.setitem(LIMITS, "float32", {"max_difference": 0.0})
    plan = ExportPlan(formats=("tflite",), sizes=(16,), photos=photos)
    with pytest.raises(UserError, match=r"float32.tflite differs from the Keras model by .*nothing was written"):
        export_generator(run, tmp_path, plan)
    assert [path.name for path in tmp_path.iterdir()] == ["generator_16_float32.tflite"]
    assert (tmp_path / "generator_16_float32.tflite").read_text() == "an earlier one"


@pytest.mark.slow
def test_an_export_replaces_the_one_before(run, photos, tmp_path):
    (tmp_path / "saved_model").mkdir()
    (tmp_path / "saved_model" / "stale").write_text("old")
    (tmp_path / "compared").mkdir()
    (tmp_path / "compared" / "kept.png").write_text("of a file that stays")
    export_generator(run, tmp_path, ExportPlan(formats=("saved_model",), sizes=(16,), photos=photos))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compared", "export.json", "saved_model"]
    assert not (tmp_path / "saved_model" / "stale").exists()
    assert (tmp_path / "compared" / "kept.png").exists()


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        export_generator(tmp_path / "nowhere", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_plain_layers_leave_no_variable_in_the_file(tmp_path):
    """TensorFlow 2.21's converter kept Keras 3's variables, whose values the file does not hold: it drew NaN."""
    image = tf.keras.Input((None, None, 3))
    network = tf.keras.Model(image, tf.keras.layers.Conv2D(3, 5, padding="same")(image))
    path = tmp_path / "network.tflite"
    path.write_bytes(convert_tflite(network, 16, ["float32"])["float32"])
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
    drawn, report = run_tflite(path, photo)
    assert report["operations"] == {"CONV_2D": 1}
    np.testing.assert_allclose(drawn, network(photo), atol=1e-5)
