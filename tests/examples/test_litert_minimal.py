import ast
import importlib.util
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from animegan3_tf.models.litert import open_interpreter
from animegan3_tf.stylizer.model import load_stylizer

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "litert_minimal.py"


@pytest.fixture(scope="module")
def example():
    """The example; where ai-edge-litert is absent, TensorFlow's interpreter takes its place."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("ai_edge_litert") is None:
            import tensorflow as tf

            fake = types.ModuleType("ai_edge_litert.interpreter")
            fake.Interpreter = tf.lite.Interpreter
            patch.setitem(sys.modules, "ai_edge_litert", types.ModuleType("ai_edge_litert"))
            patch.setitem(sys.modules, "ai_edge_litert.interpreter", fake)
        spec = importlib.util.spec_from_file_location("litert_minimal", EXAMPLE)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Models that see their neighbourhood, so that padding matters: fixed 64x48, open size, and 8-bit ones of 64x48."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")

    def signature(shape):
        @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, "photo")])
        def forward(photo):
            padded = tf.pad(photo, [[0, 0], [2, 2], [2, 2], [0, 0]], mode="REFLECT")
            return {"anime": -0.9 * tf.nn.avg_pool2d(padded, 5, 1, "VALID")}

        return forward

    def convert(name, shape, dtype=None):
        module = tf.Module()
        module.forward = signature(shape)
        tf.saved_model.save(module, str(folder / name), {"serving_default": module.forward})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / name))
        if dtype is not None:
            spread = np.linspace(-1, 1, np.prod(shape), dtype=np.float32).reshape(shape)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: iter([[spread]])
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = dtype
        (folder / f"{name}.tflite").write_bytes(converter.convert())

    convert("fixed", [1, 64, 48, 3])
    convert("open", [None, None, None, 3])
    convert("uint8", [1, 64, 48, 3], tf.uint8)
    convert("int8", [1, 64, 48, 3], tf.int8)
    return folder


def picture(height, width):
    """Waves of several lengths: smooth enough for two cubics to agree, uneven enough to show a wrong resize."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(9 * x + 4 * y), np.sin(17 * y), np.cos(12 * x * y + 3)]
    return np.rint(np.stack(waves, axis=2) * 120 + 127).astype(np.uint8)


def difference(ours, theirs):
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype == np.uint8
    return np.abs(ours.astype(int) - theirs.astype(int)).max()


@pytest.mark.parametrize("size", [(64, 48), (16, 16), (31, 40), (20, 48)])
def test_photos_that_fit_are_stylized_as_the_command_does(example, models, size):
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    expected = load_stylizer(models / "fixed.tflite")(rgb)
    assert difference(expected, rgb) > 50  # the model does something
    assert difference(example.stylize(models / "fixed.tflite", rgb), expected) <= 1


@pytest.mark.parametrize("size", [(128, 96), (100, 200), (251, 67)])
def test_larger_photos_differ_by_the_cubic_only(example, models, size):
    rgb = picture(*size)
    assert difference(example.stylize(models / "fixed.tflite", rgb), load_stylizer(models / "fixed.tflite")(rgb)) <= 4


@pytest.mark.parametrize("size", [(16, 16), (37, 50), (120, 33)])
def test_an_open_size_takes_any_photo_whole(example, models, size):
    rgb = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert difference(example.stylize(models / "open.tflite", rgb), load_stylizer(models / "open.tflite")(rgb)) <= 1


@pytest.mark.parametrize("name", ["uint8", "int8"])
def test_eight_bit_input_and_output(example, models, name):

    details = open_interpreter(models / f"{name}.tflite")[0].get_input_details()[0]
    assert details["dtype"] == np.dtype(name)
    rgb = picture(64, 48)
    expected = load_stylizer(models / "fixed.tflite")(rgb)
    assert difference(example.stylize(models / f"{name}.tflite", rgb), expected) <= 5


@pytest.mark.parametrize(("size", "smaller"), [((90, 70), (40, 31)), ((300, 451), (170, 256)), ((64, 64), (32, 16))])
def test_shrinking_is_opencvs_by_area(example, size, smaller):
    from animegan3_tf.common.images import resize

    rgb = np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.abs(example.shrink(rgb, smaller) - resize(rgb, smaller)).max() <= 1


def test_shrinking_by_hand(example):
    # 3 -> 2 pixels: each covers one and a half, so (0 + 90/2) / 1.5 and (90/2 + 30) / 1.5
    row = np.array([0, 90, 30], np.uint8).reshape(1, 3, 1).repeat(3, axis=2)
    np.testing.assert_array_equal(example.shrink(row, (1, 2))[0, :, 0], [30, 50])


def test_what_the_exporter_writes(example, tmp_path):
    import tensorflow as tf

    from animegan3_tf.export.convert import convert_tflite

    photo = tf.keras.Input((None, None, 3))
    network = tf.keras.Model(photo, tf.keras.layers.Conv2D(3, 5, padding="same")(photo))
    model = tmp_path / "generator_64_float32.tflite"
    model.write_bytes(convert_tflite(network, 64, ["float32"])["float32"])  # as the generator's, without its 20 s
    for size in ((64, 64), (40, 61)):
        rgb = picture(*size)
        assert difference(example.stylize(model, rgb), load_stylizer(model)(rgb)) <= 1


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_read_by_its_high_byte(example, tmp_path, suffix):
    samples = np.array([[0, 255, 256], [0x7FFF, 0x8000, 0xFFFF]], np.uint16)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    Image.fromarray(samples).save(tmp_path / f"a{suffix}", exif=exif)
    grey = np.array([[127, 0], [128, 0], [255, 1]], np.uint8)
    np.testing.assert_array_equal(example.read(tmp_path / f"a{suffix}"), np.stack([grey] * 3, axis=2))


def test_12_bit_grey_and_samples_without_a_range(example, tmp_path):
    bits = np.array([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x00], np.uint8)  # of 12: 0, 4095, 2048, 0
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1, 4), np.uint16), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as file:
        file.pages[0].tags["BitsPerSample"].overwrite(12)
        file.filehandle.seek(file.pages[0].dataoffsets[0])
        file.filehandle.write(bits.tobytes())
    np.testing.assert_array_equal(example.read(tmp_path / "a.tif")[0, :, 0], [0, 255, 128, 0])
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(ValueError, match="no fixed range"):
        example.read(tmp_path / "f.tif")


def test_it_imports_three_packages_only():
    tree = ast.parse(EXAMPLE.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} == {"ai_edge_litert", "PIL", "numpy", "os", "sys"}


@pytest.mark.slow
def test_the_command_where_nothing_else_is_installed(models, tmp_path):
    python = os.environ.get("LITERT_PYTHON")
    if not python:
        pytest.skip("LITERT_PYTHON does not name a Python that has numpy, pillow and ai-edge-litert")
    sideways = Image.fromarray(picture(48, 64))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter: 48x64 pixels that are shown as 64x48
    sideways.save(tmp_path / "photo.png", exif=exif)

    def run(*arguments):
        # -I: neither this folder nor PYTHONPATH can lend it a package
        return subprocess.run([python, "-I", EXAMPLE, *arguments], capture_output=True, text=True, cwd=tmp_path)

    done = run(models / "fixed.tflite", "photo.png", "anime.png")
    assert done.returncode == 0, done.stderr
    upright = np.rot90(picture(48, 64), -1)
    expected = load_stylizer(models / "fixed.tflite")(np.ascontiguousarray(upright))
    assert difference(np.asarray(Image.open(tmp_path / "anime.png")), expected) <= 1

    for arguments, reason in (
        ([models / "fixed.tflite", "none.jpg", "anime.png"], "No such file"),
        (["photo.png", "photo.png", "anime.png"], "not a valid Flatbuffer"),
        ([models / "fixed.tflite", models / "fixed.tflite", "anime.png"], "cannot identify image"),
        (["photo.png"], "usage:"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 1
        assert reason in failed.stderr
        assert "Traceback" not in failed.stderr
