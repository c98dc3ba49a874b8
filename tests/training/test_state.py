import h5py
import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_states import trainer, variables
from hypothesis import example, given
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.state import DamagedState, State, read_state, restore_state, snapshot, write_state

USER_BLOCK = 512  # of the file; behind it begins what HDF5 reads


def test_every_variable_comes_back(tmp_path):
    saved, restored = trainer(7), trainer(8)
    saved.generator_optimizer.iterations.assign(41)
    write_state(tmp_path / "s.h5", snapshot(saved, {"seed": 5}))
    state = read_state(tmp_path / "s.h5")
    assert (state.step, state.header["seed"]) == (7, 5)
    restore_state(state, restored)
    assert int(restored.step) == 7
    assert int(restored.generator_optimizer.iterations) == 41
    pairs = list(zip(variables(saved), variables(restored)))
    assert len(pairs) > 40
    for ours, theirs in pairs:
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=ours.name)


def test_a_trainer_may_have_variables_of_its_own(tmp_path):
    saved, restored = trainer(1), trainer(1)
    saved.extra_variables, restored.extra_variables = ({"loss_scale": tf.Variable(v)} for v in (8.0, 1.0))
    state = snapshot(saved)
    restore_state(state, restored)
    assert float(restored.extra_variables["loss_scale"]) == 8.0
    with pytest.raises(UserError, match="does not fit this style: extra/loss_scale"):
        restore_state(state, trainer(1))


def test_a_learning_rate_is_the_configurations_not_the_states():
    """Else --override could not change it."""
    saved, restored = trainer(1), trainer(1)
    saved.generator_optimizer.learning_rate.assign(0.5)
    restored.generator_optimizer.learning_rate.assign(0.25)
    restore_state(snapshot(saved), restored)
    assert float(restored.generator_optimizer.learning_rate) == 0.25


def test_hdf5_tools_open_a_state(tmp_path):
    write_state(tmp_path / "s.h5", State({"format": "x", "step": 3}, {"a/b": np.arange(3.0)}))
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["a/b"][2] == 2.0


def test_numbers_that_are_not_finite_are_no_state():
    made = trainer(3)
    made.average.weights[0].assign(tf.fill([2, 3], np.nan))
    with pytest.raises(UserError, match=r"step 3: average/average_dense/kernel and 0 more"):
        snapshot(made)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a state, and a place for damaged ones."""
    path = tmp_path_factory.mktemp("state") / "state-000001.h5"
    write_state(path, snapshot(trainer(1)))
    return path.read_bytes(), path


@given(part=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(part=0.0, bit=0)  # the magic
@example(part=0.0, bit=7)
def test_any_flipped_bit_is_noticed(whole, part, bit):
    check_flip(*whole, int(part * len(whole[0])), bit)


def test_so_is_one_in_the_seal_or_the_head(whole):
    """Magic, checksum, padding, and HDF5's superblock behind them."""
    for byte in (*range(0, USER_BLOCK + 96, 5), USER_BLOCK - 1, USER_BLOCK, -1):
        check_flip(*whole, byte, byte % 8)


@pytest.mark.parametrize("what", [b'"format"', b"average_dense"])
def test_so_is_one_in_the_header_or_a_name(whole, what):
    check_flip(*whole, whole[0].index(what), 0)


def check_flip(data, path, byte, bit):
    damaged = bytearray(data)
    damaged[byte] ^= 1 << bit
    path.write_bytes(damaged)
    with pytest.raises(DamagedState, match=r"state-000001\.h5' (is cut short or altered|does not begin like)"):
        read_state(path)


@given(part=st.floats(0, 1, exclude_max=True))
@example(part=0.0)
def test_a_file_cut_short_is_noticed(whole, part):
    data, path = whole
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(DamagedState):
        read_state(path)


@pytest.mark.parametrize("tail", [b"\0", b"more"])
def test_so_is_one_that_grew(whole, tail):
    data, path = whole
    path.write_bytes(data + tail)
    with pytest.raises(DamagedState):
        read_state(path)


def test_so_is_one_whose_end_never_reached_the_disk(whole):
    data, path = whole
    path.write_bytes(data[:-4096] + bytes(4096))
    with pytest.raises(DamagedState):
        read_state(path)


def test_what_is_gone_or_a_folder(tmp_path):
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(DamagedState, match="cannot be read"):
            read_state(path)


def test_another_format_is_not_called_damage(tmp_path):
    write_state(tmp_path / "s.h5", State({"format": "animegan3_tf state 9", "step": 3}, {}))
    with pytest.raises(UserError, match="is in format 'animegan3_tf state 9'; this version reads") as error:
        read_state(tmp_path / "s.h5")
    assert not isinstance(error.value, DamagedState)


def test_a_state_that_does_not_fit_sets_nothing():
    state, made = snapshot(trainer(1, units=4)), trainer(2)
    before = [v.numpy() for v in variables(made)]
    with pytest.raises(UserError, match=r"does not fit this style: average/average_dense/bias, .* in all\)"):
        restore_state(state, made)
    for old, variable in zip(before, variables(made)):
        np.testing.assert_array_equal(old, variable.numpy())


def test_missing_extra_and_retyped_variables_are_named():
    state = snapshot(trainer(1))
    del state.arrays["average/average_dense/bias"]
    state.arrays["stray"] = np.array(1.0)
    state.arrays["step"] = np.float32(1.0)
    with pytest.raises(UserError, match=r"average/average_dense/bias, stray, step \(3 in all\)"):
        restore_state(state, trainer(2))
