import contextlib
import json
import resource

import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_states import trainer

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights_file import write_weights
from animegan3_tf.training.run_files import states
from animegan3_tf.training.state import newest_state, read_state, save_state, set_aside_newer


@pytest.fixture(scope="module")
def made():
    return trainer(0)


def save(folder, made, *steps, **options):
    for step in steps:
        made.step.assign(step)
        save_state(folder, made, **options)


def names(folder):
    return [path.name for path in states(folder)]


def newest(folder):
    """(step, what was said)."""
    lines = []
    return newest_state(folder, lines.append).step, lines


def test_the_newest_two_are_kept(tmp_path, made):
    save(tmp_path, made, 9, 10, 999_999, 1_000_000)
    assert names(tmp_path) == ["state-999999.h5", "state-1000000.h5"]
    assert len(list(tmp_path.iterdir())) == 3  # and the index
    assert newest(tmp_path) == (1_000_000, [])


@pytest.mark.parametrize(
    ("keep", "keep_every", "kept"), [(1, 0, [7]), (3, 0, [5, 6, 7]), (1, 3, [3, 6, 7]), (2, 4, [4, 6, 7])]
)
def test_the_last_few_and_every_so_many_are_kept(tmp_path, made, keep, keep_every, kept):
    save(tmp_path, made, *range(1, 8), keep=keep, keep_every=keep_every)
    assert names(tmp_path) == [f"state-{step:06d}.h5" for step in kept]


def test_saving_never_removes_what_it_just_wrote(tmp_path, made):
    """Not even beside files that claim to be newer."""
    (tmp_path / "state-000090.h5").touch()
    save(tmp_path, made, 4, 5, keep=1)
    assert names(tmp_path) == ["state-000005.h5", "state-000090.h5"]


def test_other_files_are_no_states(tmp_path):
    for name in ("state-.h5", "state-3.h5.tmp", "old-state-000003.h5", "state-last.h5", "state-000004.h5.damaged"):
        (tmp_path / name).touch()
    assert states(tmp_path) == []


def test_numbers_that_are_not_finite_leave_the_folder_as_it_was(tmp_path):
    made = trainer(3)
    before = save_state(tmp_path, made).read_bytes()
    made.step.assign(4)
    made.average.weights[0].assign(tf.fill([2, 3], np.nan))
    with pytest.raises(UserError, match="step 4: average/average_dense/kernel"):
        save_state(tmp_path, made)
    assert [p.read_bytes() for p in states(tmp_path)] == [before]


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1000] + b"x" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "not HDF5": lambda path: path.write_text("not HDF5"),
    "gone": lambda path: path.unlink(),
    "another's": lambda path: path.write_bytes((path.parent / "state-000004.h5").read_bytes()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_newest_state_is_named_and_the_one_before_is_used(tmp_path, made, damage):
    save(tmp_path, made, 2, 4, 6)
    DAMAGE[damage](tmp_path / "state-000006.h5")
    step, lines = newest(tmp_path)
    assert step == 4
    assert len(lines) == 2
    assert all(line.startswith("WARNING: ") for line in lines)
    assert "state-000006.h5'" in lines[0]
    assert "'state-000004.h5' is used instead" in lines[1]


def test_all_that_is_damaged_is_named_newest_first(tmp_path, made):
    save(tmp_path, made, 2, 4, 6, 8, keep=4)
    (tmp_path / "state-000008.h5").unlink()
    (tmp_path / "state-000006.h5").write_bytes(b"")
    (tmp_path / "state-000004.h5").write_bytes(b"")
    step, lines = newest(tmp_path)
    assert step == 2
    assert [line.split("state-")[1][:6] for line in lines] == ["000008", "000006", "000004", "000002"]


def test_damaged_files_are_set_aside_once(tmp_path, made):
    save(tmp_path, made, 2, 4, 6, keep=3)
    (tmp_path / "state-000006.h5").write_bytes(b"torn")
    lines = []
    set_aside_newer(tmp_path, newest_state(tmp_path).step, lines.append)
    assert names(tmp_path) == ["state-000002.h5", "state-000004.h5"]
    assert (tmp_path / "state-000006.h5.damaged").read_bytes() == b"torn"
    assert len(lines) == 1
    assert "'state-000006.h5.damaged'" in lines[0]
    assert newest(tmp_path) == (4, [])


def test_without_its_index_a_deleted_state_is_known_from_the_generator(tmp_path, made):
    save(tmp_path, made, 2, 4)
    write_weights(tmp_path / "generator.h5", {"step": 4}, {})
    (tmp_path / "states.json").unlink()
    assert newest(tmp_path) == (4, [])
    (tmp_path / "state-000004.h5").unlink()
    step, lines = newest(tmp_path)
    assert step == 2
    assert "'state-000004.h5' was saved and is gone" in lines[0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"states": 3}', '{"states": ["a"]}', '{"states": [3]}', "\x00"])
def test_a_broken_index_is_named_and_ignored(tmp_path, made, text):
    save(tmp_path, made, 2, 4)
    (tmp_path / "states.json").write_text(text)
    step, lines = newest(tmp_path)
    assert step == 4
    assert len(lines) == 1
    assert "states.json' cannot be read" in lines[0]
    save(tmp_path, made, 6)
    assert newest(tmp_path) == (6, [])


def test_old_states_that_were_dropped_are_not_missed(tmp_path, made):
    save(tmp_path, made, 2, 4, 6, 8)
    assert json.loads((tmp_path / "states.json").read_text()) == {"states": ["state-000006.h5", "state-000008.h5"]}


def test_without_a_state_that_is_whole_all_are_named(tmp_path, made):
    with pytest.raises(UserError, match="holds no state to resume from; start without --resume"):
        newest_state(tmp_path)
    save(tmp_path, made, 2, 4, 6, keep=3)
    for name in ("state-000002.h5", "state-000004.h5"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "state-000006.h5").unlink()
    with pytest.raises(UserError) as error:
        newest_state(tmp_path)
    for word in ("000006.h5' was saved and is gone", "000004.h5' does not", "000002.h5' does not", "another --out"):
        assert word in str(error.value)
    assert len(names(tmp_path)) == 2


@contextlib.contextmanager
def largest_file(size):
    """The next best thing to a full disk: no file may grow past `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_older_states_and_nothing_else(tmp_path, made):
    save(tmp_path, made, 2, 4)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for size in (0, 300, 4096):
        with largest_file(size), pytest.raises(OSError, match="File too large"):
            save(tmp_path, made, 6)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    save(tmp_path, made, 6)
    assert read_state(tmp_path / "state-000006.h5").step == 6
