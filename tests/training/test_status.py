import json
import os
import socket
import subprocess
import sys

import pytest
from helpers.driven import Clock, drive

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.run_files import STATUS, RunStatus, read_status
from animegan3_tf.training.watch import HEARTBEAT, StatusFile


def written(folder, **changes):
    status = RunStatus(folder, 100, clock=Clock(5000.0))
    status.values.update(changes)
    status.update()
    return folder


def gone():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_the_file_says_what_the_run_does(tmp_path):
    clock = Clock(5000.0)
    status = RunStatus(tmp_path, 100, clock)
    clock.now = 5060.0
    status.update(state="running", step=7, phase="pretrain", terms={"loss": float("nan")})
    assert json.loads((tmp_path / STATUS).read_text()) == {
        "state": "running", "step": 7, "steps": 100, "phase": "pretrain", "pid": os.getpid(),
        "host": socket.gethostname(), "started": 5000.0, "updated": 5060.0, "message": "", "terms": {"loss": None},
        "validation": {}, "grid": None,
    }  # fmt: skip
    assert read_status(tmp_path)["state"] == "running"


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_run_whose_process_is_gone_died(tmp_path, state):
    written(tmp_path, state=state, pid=gone())
    assert read_status(tmp_path, now=5001.0)["state"] == "died"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_ended_stays_what_it_is(tmp_path, state):
    written(tmp_path, state=state, pid=gone())
    assert read_status(tmp_path, now=1e9)["state"] == state


@pytest.mark.parametrize(("silent", "state"), [(600.0, "running"), (601.0, "died")])
def test_a_run_on_another_host_counts_as_dead_after_silence(tmp_path, silent, state):
    written(tmp_path, state="running", host="elsewhere", pid=os.getpid())
    assert read_status(tmp_path, now=5000.0 + silent)["state"] == state


@pytest.mark.parametrize("pid", [None, "1", 0, -1, True, 10**30])
def test_a_process_number_that_is_none(tmp_path, pid):
    """0 and -1 would ask for groups of processes, which always exist."""
    written(tmp_path, state="running", pid=pid)
    assert read_status(tmp_path, now=1e9)["state"] == "died"


def test_a_status_that_is_not_there_or_not_readable(tmp_path):
    assert read_status(tmp_path) is None
    for text in ("", "[]", "{}", '{"state": 1}', "[" * 100_000, "\x00"):
        (tmp_path / STATUS).write_text(text)
        with pytest.raises(UserError, match=r"status.json' cannot be read") as error:
            read_status(tmp_path)
        assert "\n" not in str(error.value)


def test_it_is_kept_up_to_date_while_steps_are_done(tmp_path):
    clock = Clock()
    callback = StatusFile(3, RunStatus(tmp_path, 100), print, clock)
    drive(callback, [{"loss": 1.0}, {"loss": 2.0}], clock=clock, seconds=1.0)
    assert not (tmp_path / STATUS).exists()
    drive(callback, [{"loss": 3.0}, {"loss": 4.0}], first=3, clock=clock, seconds=1.0)
    found = read_status(tmp_path)
    assert (found["state"], found["step"], found["phase"], found["terms"]) == (
        "running", 3, "adversarial", {"loss": 3.0},
    )  # fmt: skip
    drive(callback, [{"loss": 5.0}], first=5, clock=clock, seconds=HEARTBEAT)
    assert read_status(tmp_path)["step"] == 5
    callback.validated(6, "adversarial", {"anime_likeness_main": 0.5}, tmp_path / "samples" / "000006.png")
    found = read_status(tmp_path)
    assert (found["validation"], found["grid"]) == ({"anime_likeness_main": 0.5}, "samples/000006.png")


def test_a_full_disk_gives_one_warning_and_ends_nothing(tmp_path):
    warnings = []
    (tmp_path / STATUS).mkdir()
    drive(StatusFile(1, RunStatus(tmp_path, 100), warnings.append), [{"loss": 1.0}, {"loss": 2.0}])
    assert len(warnings) == 1
    assert "status.json' cannot be written to" in warnings[0]
