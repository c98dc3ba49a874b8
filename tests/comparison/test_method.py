import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.tf1_files import random_variables, write_checkpoint
from helpers.tf1_graphs import run_graph, write_frozen_graph
from helpers.tiny_training import write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.inputs import Specification
from animegan3_tf.comparison.method import open_method
from animegan3_tf.models.checkpoints import shipped_checkpoints


def opened(path, architecture=None):
    return open_method(Specification("a", path, architecture))


def test_a_run_tells_its_parameters_bytes_and_work(made):
    method = opened(made / "run")
    assert (method.kind, method.parameters) == ("run, AnimeGANv3", 1_027_520)
    assert method.bytes == (made / "run" / "generator.h5").stat().st_size
    assert method.gflop == pytest.approx(14.8, abs=0.1)  # DTGAN's deployed network, two to a multiply-add
    assert method.takes((1080, 1920))


def test_a_shipped_checkpoint_goes_by_its_name():
    shipped = shipped_checkpoints()[0]
    method = opened(Path(shipped.name))
    assert (method.kind, method.model) == ("weights, AnimeGANv3", shipped.weights)


@pytest.mark.slow
@pytest.mark.parametrize("named", [False, True])
def test_a_checkpoints_generation_is_found_or_named(made, named):
    method = opened(made / "animegan2.ckpt", "animegan2" if named else None)
    assert (method.kind, method.parameters) == ("TensorFlow 1, AnimeGANv2", 2_143_552)
    assert method.bytes == sum(path.stat().st_size for path in made.glob("animegan2.ckpt.*"))
    assert method.given == made / "animegan2.ckpt"


@pytest.mark.slow
def test_a_frozen_graph_and_a_folder_with_a_checkpoint_are_read(tmp_path):
    variables = random_variables("animegan2")
    graph = write_frozen_graph(tmp_path / "g.pb", "animegan2", variables, epsilon=0.25)
    method = opened(graph)
    assert (method.kind, method.parameters) == ("frozen graph, AnimeGANv2", 2_143_552)
    assert method.bytes == graph.stat().st_size
    photo = np.random.default_rng(0).uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32)
    expected = run_graph(tf.compat.v1.GraphDef.FromString(graph.read_bytes()), photo, "photo", "picture")
    np.testing.assert_allclose(method.in_one_piece(photo), expected, atol=1e-4)  # with the graph's own epsilon
    (tmp_path / "folder").mkdir()
    write_checkpoint(tmp_path / "folder" / "g.ckpt", variables)
    (tmp_path / "folder" / "checkpoint").write_text('model_checkpoint_path: "g.ckpt"\n')
    assert opened(tmp_path / "folder").parameters == 2_143_552


def test_a_fixed_size_is_known(made):
    method = opened(made / "negative.tflite")
    assert (method.kind, method.fixed_size) == ("TFLite", (64, 64))
    assert method.takes((64, 64))
    assert not method.takes((256, 256))
    assert method.gflop is None  # it takes no 256x256 picture


def test_a_folder_of_pictures_is_no_model(tmp_path):
    method = opened(write_pictures(tmp_path / "pictures", 1))
    assert (method.kind, method.stylizer, method.parameters, method.bytes) == ("pictures", None, None, None)
    assert not method.takes((64, 64))


def test_what_cannot_be_opened_is_one_line(tmp_path):
    variables = random_variables("animegan2")
    variables.pop("generator/G_MODEL/A/Conv/weights")
    write_checkpoint(tmp_path / "lame.ckpt", variables)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("nothing")
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.json").write_text(json.dumps({}))
    write_pictures(tmp_path / "unfinished" / "samples", 1)
    for name, words in {
        "nowhere": "does not exist; name a folder of pictures, or a shipped checkpoint",
        "nowhere.pb": "does not exist",
        "empty": "holds neither a model nor pictures",
        "text.txt": "is in no known format",
        "unfinished": "is a run without generator.h5 yet",
        "lame.ckpt": "holds no whole generator of animegan1, animegan2, animegan3; say which",
    }.items():
        with pytest.raises(UserError) as error:
            opened(tmp_path / name)
        assert words in str(error.value)
        assert name in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="A/Conv/weights is missing"):
        opened(tmp_path / "lame.ckpt", "animegan2")
