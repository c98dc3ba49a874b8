"""What a model file may do, and what is refused before anything of it is run."""

import numpy as np
import pytest
import tensorflow as tf
from onnx import TensorProto, helper, numpy_helper
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from animegan3_tf.common.errors import UserError
from animegan3_tf.export.convert import write_saved_model
from animegan3_tf.export.plan import Card
from animegan3_tf.models.exported import open_saved_model
from animegan3_tf.models.trust import OPERATIONS, check_onnx_operators, check_saved_model, trusted
from animegan3_tf.models.weights import build_deployed
from animegan3_tf.networks.architectures import ARCHITECTURES

PHOTO = tf.TensorSpec([None, None, None, 3], tf.float32, name="photo")


def saved(folder, draw, module=None):
    """Saves a function from photo to anime as a SavedModel."""
    module = module or tf.Module()
    module.draw = tf.function(lambda photo: {"anime": draw(photo)}, input_signature=[PHOTO])
    tf.saved_model.save(module, str(folder), {"serving_default": module.draw})
    return folder


def rewritten(folder, change):
    """Changes the graph of a SavedModel."""
    file = folder / "saved_model.pb"
    model = SavedModel.FromString(file.read_bytes())
    change(model)
    file.write_bytes(model.SerializeToString())
    return folder


def written(target):
    def draw(photo):
        with tf.control_dependencies([tf.io.write_file(str(target), "x")]):
            return tf.identity(photo)

    return draw


def test_a_graph_that_writes_is_refused_before_it_runs(tmp_path):
    target = tmp_path / "written"
    folder = saved(tmp_path / "m", written(target))
    with pytest.raises(UserError, match=r"operations .*: 'WriteFile'; add --trust") as caught:
        open_saved_model(folder)
    assert str(caught.value).isprintable()
    assert not target.exists()
    with trusted():
        photo = np.zeros([1, 16, 16, 3], np.float32)
        np.testing.assert_array_equal(open_saved_model(folder).forward(photo), photo)
    assert target.read_text() == "x"
    with pytest.raises(UserError, match="WriteFile"):  # trust ends with its block
        open_saved_model(folder)


def test_what_would_run_while_the_model_loads_is_refused_too(tmp_path):
    target = tmp_path / "written"

    class Resource(tf.saved_model.experimental.TrackableResource):
        def _create_resource(self):
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[])

        def _initialize(self):
            tf.io.write_file(str(target), "x")

    module = tf.Module()
    module.resource = Resource()
    folder = saved(tmp_path / "m", lambda photo: -photo, module)
    target.unlink(missing_ok=True)
    with pytest.raises(UserError, match="WriteFile"):
        open_saved_model(folder)
    assert not target.exists()
    with trusted():
        open_saved_model(folder)
    assert target.exists()


def test_the_branches_and_loops_of_a_graph_are_looked_through(tmp_path):
    def draw(photo):
        (length,) = tf.while_loop(lambda x: x < 3, lambda x: x + read(), [tf.shape(photo)[0]])
        return photo + tf.cast(length, tf.float32)

    @tf.function
    def read():
        return tf.strings.length(tf.io.read_file("/etc/hostname"))

    with pytest.raises(UserError, match="'ReadFile'"):
        check_saved_model(saved(tmp_path / "m", draw))


def saving_function(meta):
    library = meta.graph_def.library.function
    return next(one for one in library if any(node.op == "SaveV2" for node in one.node_def))


def test_the_function_that_saves_variables_may_not_be_called(tmp_path):
    """Every SavedModel has it; called from the graph, it would write a file of any name."""
    module = tf.Module()
    module.gain = tf.Variable(-1.0)
    folder = saved(tmp_path / "m", lambda photo: module.gain * photo, module)
    check_saved_model(folder)

    def call(model):
        meta = model.meta_graphs[0]
        other = next(one for one in meta.graph_def.library.function if one is not saving_function(meta))
        other.node_def.add(name="s", op="StatefulPartitionedCall").attr["f"].func.name = saving_function(
            meta
        ).signature.name

    def name(model):
        meta = model.meta_graphs[0]
        meta.object_graph_def.nodes.add().function.concrete_functions.append(saving_function(meta).signature.name)

    def repeat(model):  # with two graphs, TensorFlow runs the first version's way: the whole graph
        model.meta_graphs.add().CopyFrom(model.meta_graphs[0])

    whole = (folder / "saved_model.pb").read_bytes()
    for change in (call, name, repeat):
        rewritten(folder, change)
        with pytest.raises(UserError, match=r"'SaveV2'|'MergeV2Checkpoints'"):
            check_saved_model(folder)
        (folder / "saved_model.pb").write_bytes(whole)


def test_a_function_does_not_hide_an_operation_of_its_name(tmp_path):
    def hide(model):
        library = model.meta_graphs[0].graph_def.library
        library.function.add().signature.name = "WriteFile"
        library.function[0].node_def.add(name="w", op="WriteFile")

    with pytest.raises(UserError, match="'WriteFile'"):
        check_saved_model(rewritten(saved(tmp_path / "m", lambda photo: -photo), hide))


def test_a_constant_that_repeats_a_number_has_its_size_counted(tmp_path):
    def grow(model):
        node = model.meta_graphs[0].graph_def.node.add(name="huge", op="Const")
        node.attr["value"].tensor.dtype = 1
        node.attr["value"].tensor.float_val.append(1.0)
        for side in (1 << 16, 1 << 16):
            node.attr["value"].tensor.tensor_shape.dim.add(size=side)

    with pytest.raises(UserError, match="constants of 17,179,869"):
        check_saved_model(rewritten(saved(tmp_path / "m", lambda photo: -photo), grow))


def test_a_file_that_is_no_graph_is_one_line(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 40)
    with pytest.raises(UserError, match="is not a SavedModel, or it is damaged"):
        check_saved_model(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exports_of_every_generator_pass(tmp_path, name):
    card = Card("a", "b", "1", "me", "any", "nothing")
    write_saved_model(tmp_path / "m", build_deployed(name, "legacy"), card, ARCHITECTURES[name].multiple)
    check_saved_model(tmp_path / "m")


def test_exports_of_keras_pass(tmp_path):
    layers = tf.keras.layers
    photo = tf.keras.Input([64, 64, 3])  # Keras 3 enlarges no open sizes in a graph
    maps = layers.Conv2DTranspose(4, 3, 2, "same")(layers.GaussianNoise(0.1)(photo))
    maps = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(maps))
    maps = layers.AveragePooling2D(2)(layers.UpSampling2D(interpolation="bilinear")(maps))
    maps = layers.SeparableConv2D(4, 3, padding="same", activation="gelu")(layers.Dropout(0.2)(maps))
    tf.keras.Model(photo, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(maps))).export(tmp_path / "m")
    check_saved_model(tmp_path / "m")


def test_the_list_names_operations_of_tensorflow():
    assert {name for name in OPERATIONS if not hasattr(tf.raw_ops, name)} == {"_Arg", "_Retval"}
    known_harm = {"ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "SaveV2", "RestoreV2", "PrintV2"}
    assert not OPERATIONS & {
        *known_harm,
        "RemoteCall",
        "XlaCallModule",
        "InitializeTableFromTextFileV2",
        "Save",
        "Restore",
    }


def onnx_file(path, nodes, tensors=(), functions=(), domains=("",)):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "H", "W", 3]) for name in ("photo", "anime")]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], list(tensors))
    opsets = [helper.make_opsetid(domain, 17) for domain in domains]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=list(functions))
    path.write_bytes(model.SerializeToString())
    return path


def test_operators_of_others_are_refused(tmp_path):
    nodes = [helper.make_node("Neg", ["photo"], ["n"]), helper.make_node("Mine", ["n"], ["anime"], domain="my.own")]
    path = onnx_file(tmp_path / "m.onnx", nodes, domains=("", "my.own"))
    with pytest.raises(UserError, match=r"'my\.own\.Mine'; add --trust"):
        check_onnx_operators(path)
    with trusted():
        check_onnx_operators(path)
    body = [helper.make_node("Abs", ["x"], ["y"])]
    own = helper.make_function("my.own", "Mine", ["x"], ["y"], body, [helper.make_opsetid("", 17)])
    check_onnx_operators(onnx_file(path, nodes, functions=[own], domains=("", "my.own")))


def test_a_text_that_is_no_text_is_one_line(tmp_path):
    node = helper.make_node("Neg", ["photo"], ["anime"], domain="my.own")
    path = onnx_file(tmp_path / "m.onnx", [node], domains=("", "my.own"))
    path.write_bytes(path.read_bytes().replace(b"my.own", b"my\xffown"))
    with pytest.raises(UserError, match="is not an ONNX file, or it is damaged"):
        check_onnx_operators(path)


def test_data_in_another_file_is_refused(tmp_path):
    tensor = numpy_helper.from_array(np.ones(3, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    path = onnx_file(tmp_path / "m.onnx", [helper.make_node("Mul", ["photo", "w"], ["anime"])], [tensor])
    with pytest.raises(UserError, match="has data in another file"):
        check_onnx_operators(path)
    inner = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=tensor)],
        "b",
        [],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, [3])],
    )
    branch = helper.make_node("If", ["t"], ["anime"], then_branch=inner, else_branch=inner)
    with pytest.raises(UserError, match="has data in another file"):
        check_onnx_operators(onnx_file(path, [branch]))
