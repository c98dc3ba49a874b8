import importlib.util

import numpy as np
import pytest
from helpers.tf1_files import golden_checkpoint, golden_pictures, random_variables, read_checkpoint
from helpers.tf1_graphs import frozen_graph

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.model import open_model
from animegan3_tf.models.published import open_published
from animegan3_tf.stylizer.model import load_stylizer

installed = all(importlib.util.find_spec(name) for name in ("onnx", "tf2onnx", "onnxruntime"))
pytestmark = pytest.mark.skipif(not installed, reason="the extra onnx is not installed")


def converted(path, graph, opset):
    """A GraphDef as ONNX, by the converter that the published files were made with."""
    import tf2onnx

    model, _ = tf2onnx.convert.from_graph_def(graph, input_names=["photo:0"], output_names=["picture:0"], opset=opset)
    path.write_bytes(model.SerializeToString())
    return path


def refused(path):
    with pytest.raises(UserError) as error:
        open_published(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("opset", [9, 13])  # as published
def test_a_converted_graph_gives_the_original_codes_images(tmp_path, opset):
    photo, expected, tolerance = golden_pictures("animegan3")
    graph = frozen_graph("animegan3", read_checkpoint(golden_checkpoint("animegan3")))
    opened = open_published(converted(tmp_path / "v3.onnx", graph, opset))
    assert (opened.kind, opened.architecture.name) == ("ONNX", "animegan3")
    np.testing.assert_allclose(opened.network(photo), expected, atol=tolerance)


@pytest.mark.slow
def test_damage_and_other_operations_are_named(tmp_path):
    import onnx

    path = converted(tmp_path / "v2.onnx", frozen_graph("animegan2", random_variables("animegan2")), 13)
    whole = path.read_bytes()
    model = onnx.load(path)
    activations = [node for node in model.graph.node if node.op_type == "LeakyRelu"]
    activations[2].op_type = "Elu"
    activations[4].attribute[0].f = 0.3
    path.write_bytes(model.SerializeToString())
    words = refused(path)
    assert "is a Elu" in words
    assert "slope 0.3, the network has 0.2" in words
    opened = open_model(path)  # ONNX Runtime has it
    assert (opened.kind, opened.network) == ("ONNX", None)
    path.write_bytes(whole[: len(whole) // 2])
    assert "is not an ONNX file, or it is damaged" in refused(path)


def identity(path):
    """An ONNX file that gives the photo back."""
    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "h", "w", 3]) for name in ("photo", "same")]
    graph = helper.make_graph([helper.make_node("Identity", ["photo"], ["same"])], "g", ends[:1], ends[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_an_onnx_file_of_something_else_runs_as_it_is(tmp_path):
    path = identity(tmp_path / "same.onnx")
    assert "matches none of the networks animegan1, animegan2, animegan3, jp_face, tiny" in refused(path)
    rgb = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
    np.testing.assert_array_equal(load_stylizer(path)(rgb), rgb)
