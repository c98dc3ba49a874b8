"""Graphs that do more than draw, and cut files of graphs: ../shared/cases, as each README says."""

import pytest
import tensorflow as tf
from helpers.golden import shared
from PIL import Image


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (64, 64), "teal").save(folder / "a.png")
    return folder


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("savedmodel_runs_ops/readfile", "'ReadFile'"),
        ("savedmodel_variables_cut/m", "is not a SavedModel, or it is damaged"),
        ("savedmodel_variables_cut/string_output", "'AsString'"),
        ("savedmodel_variables_cut/fixed_0x0", "it takes 0x0 pixels"),
        ("savedmodel_variables_cut/op_that_fails", "assertion failed"),
        ("onnx/m49.onnx", "is not an ONNX file, or it is damaged"),
        # some versions of the runtime compute constants as they open a file, others as they draw
        ("onnx/alloc16gb.onnx", "is not an ONNX file, or it is damaged|64x64 pixels do not fit in memory"),
        ("tflite_cut/t41988.tflite", "an offset leads out of the file"),
        ("tflite_cut/t100.tflite", "an offset leads out of the file"),
    ],
)
def test_the_model_is_refused_in_one_line(call, photos, tmp_path, case, words):
    status, _, err = call("stylize", photos, "-o", tmp_path / "out", "--model", shared("cases", *case.split("/")))
    assert status == 1
    (line,) = err.splitlines()
    assert any(said in line for said in words.split("|"))
    assert line.isprintable()


def saved(folder, function, shape):
    module = tf.Module()
    module.function = tf.function(function, input_signature=[tf.TensorSpec(shape, name="photo")])
    tf.saved_model.save(module, str(folder), {"serving_default": module.function})
    return folder


def test_a_graph_that_writes_runs_only_with_trust(call, photos, tmp_path):
    target = tmp_path / "written-by-the-graph.txt"

    def draw(photo):
        with tf.control_dependencies([tf.io.write_file(str(target), "x")]):
            return {"anime": tf.identity(photo)}

    shared("cases", "savedmodel_runs_ops")
    writefile = saved(tmp_path / "writefile", draw, [None, None, None, 3])
    means = saved(tmp_path / "means", lambda photo: {"means": tf.reduce_mean(photo, (1, 2))}, [None, 12, 12, 3])
    folders = ("--photos", photos, "--anime", photos)
    evaluated = ("evaluate", *folders, "-o", tmp_path / "e", "--features")
    commands = [
        ("stylize", photos, "-o", tmp_path / "out", "--model", writefile),
        ("compare", *folders, "--model", f"a={writefile}", "-o", tmp_path / "c"),
        (*evaluated, f"saved_model:{means}", "--generated", writefile),
        (*evaluated, f"saved_model:{writefile}", "--generated", photos),
        ("info", writefile),
        ("export", writefile, "-o", tmp_path / "x"),
        ("pairs", photos, "-o", tmp_path / "p", "--teacher", writefile, "--no-faces"),
    ]
    for command in commands:
        status, _, err = call(*command)
        assert (status, "'WriteFile'; add --trust" in err) == (1, True), (command, err)
    assert not target.exists()
    status, _, err = call(*commands[0], "--trust")
    assert (status, err) == (0, "")
    assert target.exists()
