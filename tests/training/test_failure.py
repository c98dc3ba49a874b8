"""A run that meets a number that is not finite, from the planted number to what stands in its folder.

Steps run eagerly; test_guard.py has the graph.
"""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.training.run import RunConfiguration, train
from animegan3_tf.training.run_files import read_status
from animegan3_tf.training.state import newest_state, restore_state
from animegan3_tf.training.two_tail import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Even though the `tf.config")]


def plant_in_a_picture(monkeypatch):
    batches = TrainingData.batches

    def planted(self, start_step=0):
        def plant(number, batch):
            bad = tf.where(tf.equal(number + start_step, 2), np.float32("nan"), 0.0)
            return {**batch, "photo_region": batch["photo_region"] + bad}

        return batches(self, start_step).enumerate().map(plant)

    monkeypatch.setattr(TrainingData, "batches", planted)


def plant(monkeypatch, variable_of):
    """Makes a variable of the trainer NaN before the third step."""
    step = Trainer.train_step

    def planted(self, batch):
        if int(self.step) == 2:
            variable = variable_of(self)
            variable.assign(tf.fill(variable.shape, np.float32("nan")))
        return step(self, batch)

    monkeypatch.setattr(Trainer, "train_step", planted)


PLANTS = {
    "picture": (plant_in_a_picture, "the batch's photo_region held NaN", "look at the images"),
    "weight": (
        lambda patch: plant(patch, lambda trainer: trainer.generator.trainable_variables[0]),
        "became NaN or infinite",
        "a lower learning rate",
    ),
    "learning rate": (
        lambda patch: plant(patch, lambda trainer: trainer.generator_optimizer.learning_rate),
        "generator_learning_rate became NaN",
        "a finite learning rate",
    ),
}


@pytest.mark.parametrize("where", PLANTS)
def test_a_planted_nan_stops_the_run_within_its_step(tmp_path, monkeypatch, eager, where):
    """With the batch, the cause and the last good checkpoint, which loads."""
    put, cause, remedy = PLANTS[where]
    put(monkeypatch)
    photos, anime = write_pictures(tmp_path / "photo", 3), write_pictures(tmp_path / "anime", 3, first=10)
    plan = RunConfiguration(tiny_style(), str(photos), str(anime), "random", 4, 1, log_every=1, checkpoint_every=1)
    folder = tmp_path / "run"
    with pytest.raises(UserError) as error:
        train(plan, folder, show=lambda line: None)
    message = str(error.value)
    assert message.startswith("step 3: ")
    assert "\n" not in message
    for words in (cause, remedy, str(folder / "failure-000003"), str(folder / "state-000002.h5")):
        assert words in message

    with np.load(folder / "failure-000003" / "batch.npz") as batch:
        assert {name: array.shape for name, array in batch.items()} == dict.fromkeys(
            ("photo", "photo_region", "anime", "anime_smooth"), (2, 16, 16, 3)
        )
        assert np.isfinite(batch["photo"]).all()
        assert np.isfinite(batch["photo_region"]).all() == (where != "picture")
    assert read_image(folder / "failure-000003" / "batch.png").rgb.shape[0] == 2 * 16 + 4
    values = json.loads((folder / "failure-000003" / "values.json").read_text())
    assert values["generator_learning_rate"] == ("nan" if where == "learning rate" else pytest.approx(1e-4))
    assert read_status(folder)["state"] == "failed"

    monkeypatch.undo()
    state = newest_state(folder)
    assert state.step == 2
    restore_state(state, Trainer(tiny_style(), None, None))
