import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import SINGLE_TAIL, plain_network, tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights import build_deployed, structure_of
from animegan3_tf.models.weights_file import read_weights
from animegan3_tf.training import run
from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.run import train
from animegan3_tf.training.run_files import states
from animegan3_tf.training.run_folder import deployed_weights
from animegan3_tf.training.state import State, read_state
from animegan3_tf.training.trainer import GanTrainer


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, SINGLE_TAIL], ids=["two tails", "one tail"])
def test_it_is_what_the_run_wrote_to_generator_h5(tmp_path, monkeypatch, settings):
    """Every number of the average and of the generator is another one, in every step."""

    def step(self, batch):
        for number, weight in enumerate([*self.average.weights, *self.generator.weights]):
            seed = tf.stack([self.step, tf.cast(number, tf.int64)])
            weight.assign(tf.random.stateless_uniform(weight.shape, seed, minval=0.001, maxval=0.01))
        self.step.assign_add(1)
        return {"loss": tf.reduce_mean(batch["photo"])}

    monkeypatch.setattr(GanTrainer, "train_step", step)
    monkeypatch.setattr(run, "load_perceptual", lambda *_: plain_network())
    folders = [str(write_pictures(tmp_path / name, 3)) for name in ("photo", "anime")]
    plan = RunConfiguration(tiny_style(settings), *folders, "random", 4, 1, checkpoint_every=2, sample_every=4)
    train(plan, tmp_path / "run", show=lambda line: None)
    first, last = (deployed_weights(read_state(path)) for path in states(tmp_path / "run"))
    header, arrays = read_weights(tmp_path / "run" / "generator.h5")
    epsilons = header.pop("epsilons")  # the architecture's own, which a header without them has too
    assert epsilons == structure_of(build_deployed(header["architecture"], header["resize"]))["epsilons"]
    assert {**last[0], "format": header["format"]} == header
    assert last[1].keys() == arrays.keys()
    for name, array in arrays.items():
        assert last[1][name].dtype == array.dtype
        np.testing.assert_array_equal(last[1][name], array, err_msg=name)
    assert (first[0]["step"], last[0]["step"]) == (2, 4)
    assert not any(np.array_equal(first[1][name], array) for name, array in arrays.items())


def test_a_state_that_does_not_tell_of_its_run():
    with pytest.raises(UserError, match="the state of step 3 does not describe its run: 'configuration' is missing"):
        deployed_weights(State({"step": 3}, {}))
