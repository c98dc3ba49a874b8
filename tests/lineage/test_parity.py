"""Published files against their own graphs, run by the runtimes they were made for."""

import importlib.util
import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from helpers.published import face, hifilter, published
from helpers.tf1_graphs import run_graph

from animegan3_tf.models.published import open_published
from animegan3_tf.models.weights import structure_of
from animegan3_tf.stylizer.model import load_stylizer

installed = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not installed, reason="the extra onnx is not installed")
pytestmark = pytest.mark.slow


def run_onnx(contents, photo):
    import onnxruntime

    session = onnxruntime.InferenceSession(contents, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    dtype = np.float16 if source.type == "tensor(float16)" else np.float32
    return session.run(None, {source.name: photo.astype(dtype)})[0].astype(np.float32)


@pytest.mark.parametrize(("style", "epsilon"), [("Hayao_36", 1e-12), ("Shinkai_37", 1e-5)])
def test_frozen_graphs(style, epsilon):
    path = published(f"AnimeGANv3_{style}.pb")
    opened = open_published(path)
    assert opened.architecture.name == "animegan3"
    assert structure_of(opened.network)["epsilons"]["lade"] == epsilon
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    expected = run_graph(graph, face(), "AnimeGANv3_input", "generator_1/main/out_layer")
    np.testing.assert_allclose(opened.network(face(), training=False), expected, atol=2e-5)


@needs_onnx
@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("Hayao_36", "animegan3"),
        ("Shinkai_40", "animegan3"),
        ("PortraitSketch_25", "animegan3"),
        ("tiny_Cute", "tiny"),
    ],
)
def test_onnx_files(name, architecture):
    path = hifilter(f"AnimeGANv3_{name}.onnx")
    opened = open_published(path)
    assert opened.architecture.name == architecture
    np.testing.assert_allclose(opened.network(face(), training=False), run_onnx(path.read_bytes(), face()), atol=1e-4)


@needs_onnx
def test_a_half_precision_file():
    """Halves lose digits in its own runtime; the same graph in single precision is met closely."""
    path = published("AnimeGANv3_JP_face_v1.0_fp16.onnx")
    opened = open_published(path)
    assert opened.architecture.name == "jp_face"
    image = opened.network(face(), training=False)
    np.testing.assert_allclose(image, run_onnx(path.read_bytes(), face()), atol=2e-3)
    np.testing.assert_allclose(image, run_onnx(in_single_precision(path), face()), atol=1e-4)


def in_single_precision(path):
    """The bytes of an ONNX file with all halves made single."""
    import onnx
    from onnx import TensorProto, numpy_helper

    model = onnx.load(path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float16:
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float32), tensor.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
    for end in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if end.type.tensor_type.elem_type == TensorProto.FLOAT16:
            end.type.tensor_type.elem_type = TensorProto.FLOAT
    return model.SerializeToString()


@pytest.mark.parametrize("style", ["hayao", "paprika"])
def test_tfjs(style):
    folder = published(f"animegan1_tfjs_{style}")
    opened = open_published(folder)
    assert opened.architecture.name == "animegan1"
    expected = run_graph(dequantised(folder), face(), "generator_input", "generator/G_MODEL/Tanh")
    np.testing.assert_allclose(opened.network(face(), training=False), expected, atol=1e-4)


def dequantised(folder):
    """A TF.js model as a GraphDef, its constants by the manifest's scale and minimum."""
    model = json.loads((folder / "model.json").read_text())
    stored = np.fromfile(folder / "group1-shard1of1.bin", np.uint8)
    arrays, start = {}, 0
    for weight in model["weightsManifest"][0]["weights"]:
        count, quantised = int(np.prod(weight["shape"])), weight.get("quantization")
        length = count if quantised else 4 * count
        part, start = stored[start : start + length], start + length
        array = part * np.float64(quantised["scale"]) + quantised["min"] if quantised else part.view("<i4")
        arrays[weight["name"]] = array.reshape(weight["shape"]).astype(weight["dtype"])
    graph = json_format.ParseDict(model["modelTopology"], tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
    for node in graph.node:
        if node.op == "Const":
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(arrays[node.name]))
    return graph


@needs_onnx
def test_a_published_file_is_a_model_as_it_is():
    """Of float16, which ONNX Runtime alone would not be given."""
    levels = ((face(64)[0] + 1.0) * 127.5).round().astype(np.uint8)
    path = published("AnimeGANv3_JP_face_v1.0_fp16.onnx")
    stylizer = load_stylizer(path)
    assert stylizer.multiple == 8
    expected = (run_onnx(path.read_bytes(), face(64))[0] + 1.0) * 127.5
    assert np.abs(stylizer(levels) - expected).max() < 2
