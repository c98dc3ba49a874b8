import json

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from helpers.tf1_files import golden_checkpoint, golden_pictures, random_variables, read_checkpoint
from helpers.tf1_graphs import frozen_graph

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.published import open_published
from animegan3_tf.models.weights import named_weights


def write_tfjs(folder, graph, quantised=()):
    """A GraphDef as the converter of TF.js writes it, in two files of weights.

    quantised: names of constants that are stored in 8 bits, as 0.01 * stored - 1.
    """
    folder.mkdir(exist_ok=True)
    entries, parts = [], []
    for node in graph.node:
        if node.op != "Const":
            continue
        array = tf.make_ndarray(node.attr["value"].tensor)
        node.attr["value"].tensor.ClearField("tensor_content")
        entry = {"name": node.name, "shape": list(array.shape), "dtype": array.dtype.name}
        if node.name in quantised:
            entry["quantization"] = {"dtype": "uint8", "scale": 0.01, "min": -1.0, "original_dtype": "float32"}
            array = np.clip(np.round((array + 1.0) / 0.01), 0, 255).astype(np.uint8)
        entries.append(entry)
        parts.append(array.tobytes())
    weights = b"".join(parts)
    half = len(weights) // 2
    (folder / "group1-shard1of2.bin").write_bytes(weights[:half])
    (folder / "group1-shard2of2.bin").write_bytes(weights[half:])
    model = {
        "format": "graph-model",
        "modelTopology": json_format.MessageToDict(graph),
        "weightsManifest": [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(model))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_tfjs(tmp_path / "tfjs", frozen_graph("animegan2", random_variables("animegan2")))


def refused(path):
    with pytest.raises(UserError) as error:
        open_published(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("named", ["tfjs", "tfjs/model.json"])
def test_a_folder_and_its_model_are_the_same(tmp_path, named):
    photo, expected, tolerance = golden_pictures("animegan2")
    write_tfjs(tmp_path / "tfjs", frozen_graph("animegan2", read_checkpoint(golden_checkpoint("animegan2"))))
    opened = open_published(tmp_path / named)
    assert (opened.kind, opened.architecture.name) == ("TF.js", "animegan2")
    assert [file.name for file in opened.files] == ["model.json", "group1-shard1of2.bin", "group1-shard2of2.bin"]
    np.testing.assert_allclose(opened.network(photo), expected, atol=tolerance)


def test_bytes_are_scaled_and_shifted(tmp_path):
    variables = random_variables("animegan2")
    name = "generator/G_MODEL/out_layer/Conv/weights"
    variables[name][:] = 0.123  # (0.123 + 1) / 0.01 is stored as 112, which is 0.12
    opened = open_published(write_tfjs(tmp_path / "tfjs", frozen_graph("animegan2", variables), {name}))
    np.testing.assert_allclose(named_weights(opened.network)["to_rgb_conv/kernel"], 0.12, rtol=1e-6)


def test_damage_is_reported_in_one_line(folder):
    model, last = folder / "model.json", folder / "group1-shard2of2.bin"
    text, weights = model.read_text(), last.read_bytes()
    last.write_bytes(weights[:-100])
    assert "end before" in refused(folder)
    last.write_bytes(weights + b"more")
    assert "its manifest" in refused(folder)
    last.unlink()
    assert "needs 'group1-shard2of2.bin' beside it" in refused(folder)
    last.write_bytes(weights)
    model.write_text(text[: len(text) // 2])
    assert "is not a TF.js graph model, or it is damaged" in refused(folder)
    model.write_text("[]")
    assert "is not a TF.js graph model" in refused(folder)


def test_other_models_are_refused(folder):
    model = folder / "model.json"
    content = json.loads(model.read_text())
    model.write_text(json.dumps({**content, "format": "layers-model"}))
    assert "is a TF.js layers-model" in refused(folder)
    content["weightsManifest"][0]["paths"][0] = "../group1-shard1of2.bin"
    model.write_text(json.dumps(content))
    assert "names weights in another folder" in refused(folder)
