import numpy as np
import pytest
from helpers.run_folders import run_folder
from helpers.tf1_files import random_variables
from helpers.tf1_graphs import write_frozen_graph
from helpers.tiny_states import trainer

from animegan3_tf.commands.models import describe_model
from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights_file import write_weights
from animegan3_tf.training.state import snapshot, write_state


def test_weights_and_the_run_folder_they_stand_in(tmp_path):
    header = {"architecture": "animegan3", "style": "tiny", "step": 5}
    write_weights(tmp_path / "generator.h5", header, {"a": np.zeros((2, 3), np.float16), "b": np.zeros(4, np.float16)})
    told = describe_model(tmp_path / "generator.h5")
    assert (told["kind"], told["style"], told["numbers"], told["stored_as"]) == ("weights", "tiny", 10, "float16")
    run_folder(tmp_path, step=4)
    told = describe_model(tmp_path)
    assert (told["step"], told["state"]) == (4, "finished")
    assert (told["kind"], told["generator step"]) == ("run folder", 5)


def test_a_state(tmp_path):
    made = trainer(seed=0)
    write_state(tmp_path / "state-000009.h5", snapshot(made, {"step": 9, "configuration": {"nested": 1}}))
    told = describe_model(tmp_path / "state-000009.h5")
    assert (told["kind"], told["step"]) == ("training state", 9)
    assert "configuration" not in told


def test_a_published_graph(tmp_path):
    path = write_frozen_graph(tmp_path / "v2.pb", "animegan2", random_variables("animegan2"))
    told = describe_model(path)
    assert (told["kind"], told["architecture"], told["numbers"]) == ("frozen graph", "animegan2", 2_143_552)
    assert (told["bytes"], told["epsilons"]) == (path.stat().st_size, {"layer_norm": 1e-12})


@pytest.mark.parametrize("name", ["absent", "picture.png", "empty.tflite", "folder"])
def test_what_is_no_model(tmp_path, name):
    (tmp_path / "picture.png").write_bytes(b"png")
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=name):
        describe_model(tmp_path / name)
