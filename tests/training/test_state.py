from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.training.state import restore_state, save_state, states


def network(name, units=3):
    picture = tf.keras.Input([2])
    x = tf.keras.layers.Dense(units, name=f"{name}_dense")(picture)
    return tf.keras.Model(picture, tf.keras.layers.BatchNormalization(name=f"{name}_norm")(x))


def trainer(seed, units=3):
    """What `save_state` asks of a trainer, with every number at random."""
    parts = {p: network(p, units) for p in ("generator", "average", "support_discriminator", "main_discriminator")}
    for part in ("pretrain", "generator", "discriminator"):
        optimizer = parts[f"{part}_optimizer"] = tf.keras.optimizers.Adam(1e-3)
        optimizer.build(parts["generator" if part != "discriminator" else "main_discriminator"].trainable_variables)
    made = SimpleNamespace(step=tf.Variable(seed, dtype=tf.int64), **parts)
    rng = np.random.default_rng(seed)
    for variable in variables(made):
        if variable.dtype.is_floating:
            variable.assign(rng.random(variable.shape))
    return made


def variables(made):
    return [v for part in vars(made).values() for v in getattr(part, "weights", getattr(part, "variables", [part]))]


def test_every_variable_comes_back(tmp_path):
    saved, restored = trainer(7), trainer(8)
    saved.generator_optimizer.iterations.assign(41)
    path = save_state(tmp_path, saved)
    assert path == tmp_path / "state-000007.h5"
    restore_state(path, restored)
    assert int(restored.step) == 7
    assert int(restored.generator_optimizer.iterations) == 41
    pairs = list(zip(variables(saved), variables(restored)))
    assert len(pairs) > 40
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)


def test_the_newest_two_are_kept(tmp_path):
    made = trainer(0)
    for step in (9, 10, 999_999, 1_000_000):
        made.step.assign(step)
        save_state(tmp_path, made)
    assert [p.name for p in states(tmp_path)] == ["state-999999.h5", "state-1000000.h5"]
    assert len(list(tmp_path.iterdir())) == 2


def test_other_files_are_no_states(tmp_path):
    for name in ("state-.h5", "state-3.h5.tmp", "old-state-000003.h5", "state-last.h5"):
        (tmp_path / name).touch()
    assert states(tmp_path) == []


def test_numbers_that_are_not_finite_are_not_saved(tmp_path):
    made = trainer(3)
    before = save_state(tmp_path, made).read_bytes()
    made.average.weights[0].assign(tf.fill([2, 3], np.nan))
    with pytest.raises(UserError, match=r"step 3: average/average_dense/kernel and 0 more"):
        save_state(tmp_path, made)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [before]


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_file_is_told_of_and_sets_nothing(tmp_path, damage):
    path = save_state(tmp_path, trainer(1))
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "text": b"not HDF5", "empty": b""}[damage])
    made = trainer(2)
    before = [v.numpy() for v in variables(made)]
    with pytest.raises(UserError, match=r"state-000001\.h5' is damaged .*; remove it"):
        restore_state(path, made)
    for old, variable in zip(before, variables(made)):
        np.testing.assert_array_equal(old, variable.numpy())


def test_a_state_that_does_not_fit_sets_nothing(tmp_path):
    path = save_state(tmp_path, trainer(1, units=4))
    made = trainer(2)
    before = [v.numpy() for v in variables(made)]
    with pytest.raises(UserError, match=r"does not fit this style: average/average_dense/bias, .* in all\)"):
        restore_state(path, made)
    for old, variable in zip(before, variables(made)):
        np.testing.assert_array_equal(old, variable.numpy())


def test_missing_and_extra_variables_are_named(tmp_path):
    path = save_state(tmp_path, trainer(1))
    with h5py.File(path, "a") as file:
        del file["average/average_dense/bias"]
        file["stray"] = 1.0
    with pytest.raises(UserError, match=r"average/average_dense/bias, stray \(2 in all\)"):
        restore_state(path, trainer(2))
