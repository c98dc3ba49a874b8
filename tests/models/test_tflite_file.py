"""A .tflite file that is damaged is refused before an interpreter sees it."""

import random

import flatbuffers
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.model import open_model
from animegan3_tf.models.tflite_file import DamagedFile, verify_tflite


@pytest.fixture(scope="module")
def sound():
    """A small network with weights, a loop's worth of operations, and a resize."""
    kernel = tf.constant(np.random.default_rng(0).normal(size=(3, 3, 3, 3)), tf.float32)

    def draw(photo):
        maps = tf.nn.leaky_relu(tf.nn.conv2d(photo, kernel, 2, "SAME"))
        return tf.tanh(tf.image.resize(maps, [16, 16]) + tf.reshape(photo, [1, 16, 16, 3]))

    function = tf.function(draw, [tf.TensorSpec([1, 16, 16, 3], name="photo")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    return bytes(converter.convert())


def changed(content, change):
    """The file with a change to its parts, as the schema's classes have them."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    change(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_sound_file_passes(sound):
    assert verify_tflite(sound) == []


def test_every_cut_is_refused_or_cuts_nothing_off_that_is_used(sound):
    lengths = [*range(0, 400, 7), *np.linspace(400, len(sound) - 16, 60).astype(int).tolist()]
    for length in lengths:
        with pytest.raises(DamagedFile):
            verify_tflite(sound[:length])


def test_no_change_of_bytes_gives_anything_but_a_result(sound):
    draw = random.Random(3)
    outcomes = set()
    for _ in range(400):
        content = bytearray(sound)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        try:
            verify_tflite(bytes(content))
            outcomes.add("passed")
        except DamagedFile:
            outcomes.add("refused")
    assert outcomes == {"passed", "refused"}


def out_of_range(part, value):
    def change(model):
        graph = model.subgraphs[0]
        if part == "buffer":
            graph.tensors[1].buffer = value
        elif part == "input":
            graph.operators[0].inputs[0] = value
        elif part == "output":
            graph.operators[0].outputs[0] = value
        elif part == "code":
            graph.operators[0].opcodeIndex = value
        elif part == "end":
            graph.outputs[0] = value
        else:
            graph.tensors[0].shape = [1, value, 16, 3]

    return change


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("buffer", 99, "it names a buffer 99 of"),
        ("input", 99, "it names a tensor 99 of"),
        ("output", -1, "it names a tensor -1 of"),
        ("code", 99, "it names an operation 99 of"),
        ("end", 99, "it names a tensor 99 of"),
        ("shape", -5, "a tensor has shape [1, -5, 16, 3]"),
        ("shape", 2**31 - 1, "a tensor has shape [1, 2147483647, 16, 3]"),
    ],
)
def test_numbers_that_name_nothing_are_refused(sound, part, value, words):
    with pytest.raises(DamagedFile) as caught:
        verify_tflite(changed(sound, out_of_range(part, value)))
    assert words in str(caught.value)


def test_an_operation_of_others_is_refused_by_name(sound, tmp_path):
    """TensorFlow's interpreter runs Flex operations, which may be any of TensorFlow's."""

    def change(model):
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = 32
        model.operatorCodes[0].customCode = "FlexWriteFile"

    content = changed(sound, change)
    assert verify_tflite(content) == ["FlexWriteFile"]
    (tmp_path / "m.tflite").write_bytes(content)
    with pytest.raises(UserError, match="'FlexWriteFile'; add --trust"):
        open_model(tmp_path / "m.tflite")


def test_a_cut_file_is_one_line(sound, tmp_path):
    (tmp_path / "m.tflite").write_bytes(sound[: len(sound) // 2])
    with pytest.raises(UserError, match=r"is not a TFLite model from one tensor to one: .*; export it again"):
        open_model(tmp_path / "m.tflite")


def test_metadata_without_a_name_cost_no_model(sound, tmp_path):
    """The fuzzer's find: flatbuffers raises whatever comes; the network draws all the same."""

    def nameless(model):
        entry = schema.MetadataT()
        entry.name = None
        model.metadata = [entry]

    path = tmp_path / "nameless.tflite"
    path.write_bytes(changed(sound, nameless))
    photo = np.zeros((1, 16, 16, 3), np.float32)
    assert open_model(path).forward(photo).shape == photo.shape
