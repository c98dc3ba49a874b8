import hashlib

import numpy as np
import pytest
import tensorflow as tf
from helpers.published import face
from helpers.tf1_files import golden_checkpoint, golden_pictures, random_variables, read_checkpoint
from helpers.tf1_graphs import run_graph, write_frozen_graph

from animegan3_tf.common.errors import UserError
from animegan3_tf.models import published
from animegan3_tf.models.published import import_generator, open_published
from animegan3_tf.models.weights import load_generator, named_weights, structure_of
from animegan3_tf.models.weights_file import read_header


@pytest.fixture(scope="module")
def arrays():
    """The variables of AnimeGANv3's original code, with the batch normalisation of its inference graph."""
    return read_checkpoint(golden_checkpoint("animegan3"))


@pytest.fixture(scope="module")
def older():
    return random_variables("animegan2")


def changed(path, change):
    """A frozen graph with its nodes changed in place."""
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    change({node.name: node for node in graph.node})
    path.write_bytes(graph.SerializeToString())
    return path


def refused(path, architecture=None):
    """The words in which a file is refused."""
    with pytest.raises(UserError) as error:
        open_published(path, architecture)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.slow
def test_the_graphs_constants_are_the_networks(arrays, tmp_path):
    """An epsilon so large that no image is the same without it; it goes with the weights."""
    path = write_frozen_graph(tmp_path / "v3.pb", "animegan3", arrays, epsilon=0.25)
    out = tmp_path / "v3.h5"
    opened = import_generator(None, path, out)
    assert opened.architecture.name == "animegan3"
    header = read_header(out)
    assert header["epsilons"] == {"lade": 0.25, "attention": 1e-9, "attention_norm": 1e-3}
    assert header["sha256"] == {"v3.pb": hashlib.sha256(path.read_bytes()).hexdigest()}
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    photo = face(32)
    expected = run_graph(graph, photo, "photo", "picture")
    np.testing.assert_allclose(load_generator(out)(photo), expected, atol=2e-5)
    plain = run_graph(
        tf.compat.v1.GraphDef.FromString(write_frozen_graph(tmp_path / "p.pb", "animegan3", arrays).read_bytes()),
        photo,
        "photo",
        "picture",
    )
    assert np.abs(plain - expected).max() > 1e-2  # the bound means something


def test_the_variables_of_a_graph_are_those_of_its_checkpoint(arrays, tmp_path):
    model = open_published(write_frozen_graph(tmp_path / "v3.pb", "animegan3", arrays)).network
    assert structure_of(model)["epsilons"] == {"lade": 1e-5, "attention": 1e-9, "attention_norm": 1e-3}
    names = published.animegan3_variables() | published.batch_norm_variables("generator_1")
    for name, weight in named_weights(model).items():
        np.testing.assert_array_equal(weight.numpy(), arrays[names[name]].reshape(weight.shape), err_msg=name)


def test_a_graph_of_animegan2_gives_the_original_codes_images(tmp_path):
    photo, expected, tolerance = golden_pictures("animegan2")
    path = write_frozen_graph(tmp_path / "v2.pb", "animegan2", read_checkpoint(golden_checkpoint("animegan2")))
    opened = open_published(path)
    assert opened.architecture.name == "animegan2"
    np.testing.assert_allclose(opened.network(photo), expected, atol=tolerance)


def test_operations_that_the_network_lacks_are_named(older, tmp_path):
    aligned = write_frozen_graph(tmp_path / "aligned.pb", "animegan2", older, align_corners=True)
    assert "aligns corners" in refused(aligned)
    steep = write_frozen_graph(tmp_path / "steep.pb", "animegan2", older, activation=lambda x: tf.nn.leaky_relu(x, 0.1))
    assert "slope 0.1, the network has 0.2" in refused(steep)
    other = write_frozen_graph(tmp_path / "other.pb", "animegan2", older, activation=tf.nn.elu)
    words = refused(other)
    assert "is a Elu; e_2_lrelu is a leaky_relu" in words
    assert "and 8 more" in words  # of twenty


def test_one_constant_unlike_the_others_is_named(older, tmp_path):
    def change(nodes):
        name = next(name for name in nodes if name.endswith("batchnorm_3/add/y"))
        nodes[name].attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.float32(1e-3)))

    path = changed(write_frozen_graph(tmp_path / "g.pb", "animegan2", older), change)
    words = refused(path)
    assert "epsilon 0.001, the network has 1e-12" in words
    assert ";" not in words.partition("does not fit")[2]  # and nothing else


def test_misshapen_and_unused_numbers_are_named(older, tmp_path):
    wrong = {**older, "generator/G_MODEL/C/r1/1/beta": np.zeros(1, np.float32)}
    path = write_frozen_graph(tmp_path / "g.pb", "animegan2", wrong)
    graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    stray = graph.node.add(name="stray/weights", op="Const")
    stray.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.zeros((3, 3), np.float32)))
    path.write_bytes(graph.SerializeToString())
    words = refused(path)
    assert "beta is (1,), c_r1_depthwise_norm has (256,)" in words
    assert "stray/weights is not part of the network" in words


def test_numbers_that_are_not_finite_are_refused(older, tmp_path):
    broken = {**older, "generator/G_MODEL/E/LayerNorm/gamma": np.full(64, np.nan, np.float32)}
    assert "gamma holds NaN" in refused(write_frozen_graph(tmp_path / "g.pb", "animegan2", broken))


def test_another_stride_or_padding_is_named(older, tmp_path):
    def change(nodes):
        downs = [node for node in nodes.values() if node.op == "Conv2D" and node.attr["strides"].list.i[1] == 2]
        downs[0].attr["strides"].list.i[1:3] = [3, 3]
        pads = [node for node in nodes.values() if node.op == "MirrorPad"]
        paddings = nodes[pads[0].input[1]]
        paddings.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.int32([[0, 0], [2, 2], [2, 2], [0, 0]])))

    words = refused(changed(write_frozen_graph(tmp_path / "g.pb", "animegan2", older), change))
    assert "stride 3, the network has 2" in words
    assert "pads (2, 2) and (2, 2), the network (3, 3)" in words


def test_a_wrong_architecture_is_named(older, tmp_path):
    path = write_frozen_graph(tmp_path / "g.pb", "animegan2", older)
    assert "is of architecture animegan2, not tiny; leave tiny out" in refused(path, "tiny")


def test_other_graphs_are_refused(older, tmp_path):
    path = write_frozen_graph(tmp_path / "g.pb", "animegan2", older)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is no frozen graph, or it is damaged" in refused(path)
    path.write_bytes(b"")
    assert "is a graph of 0 inputs and 0 outputs" in refused(path)
    with tf.Graph().as_default() as graph:
        tf.tanh(tf.compat.v1.placeholder(tf.float32, [1, None, None, 3]) * 2.0)
        path.write_bytes(graph.as_graph_def().SerializeToString())
    assert "matches none of the networks animegan1, " in refused(path)
    with tf.Graph().as_default() as graph:
        tf.shape(tf.compat.v1.placeholder(tf.float32, [1, None, None, 3]))
        path.write_bytes(graph.as_graph_def().SerializeToString())
    assert "Shape gives numbers, not an image" in refused(path)
    assert "does not exist" in refused(tmp_path / "absent.pb")


def test_a_constant_that_promises_more_than_it_holds_is_refused(older, tmp_path):
    def change(nodes):
        tensor = nodes["generator/G_MODEL/out_layer/Conv/weights"].attr["value"].tensor
        tensor.tensor_content = tensor.tensor_content[:-8]

    assert "is damaged" in refused(changed(write_frozen_graph(tmp_path / "g.pb", "animegan2", older), change))
