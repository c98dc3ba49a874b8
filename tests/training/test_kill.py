"""A run whose process is killed outright, again and again, ends with the weights of one that was left alone.

A short run and one kill by default. KILLS=20 asks for that many over a run of 60 steps; KILL_SEED draws other moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_pairs import PAIRS_TOML, write_pairs
from helpers.tiny_training import TINY_TOML, write_pictures

from animegan3_tf.training.run_files import states
from animegan3_tf.training.state import read_state

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", 1))
SEED = int(os.environ.get("KILL_SEED", 0))
STEPS, SAVES = (60, 9) if "KILLS" in os.environ else (4, 4)  # by default it dies early: graphs take their time


def start(data, run, resume, log):
    """The command in a process of its own, with two threads, where sums could come out in another order."""
    sources = ["--pairs", data / "pairs"] if (data / "pairs").is_dir() else []
    sources = sources or ["--photos", data / "photo", "--anime", data / "anime"]
    arguments = [
        *("--style", data / "tiny.toml", *sources, "--out", run),
        *("--perceptual", "random", "--steps", STEPS, "--pretrain-steps", STEPS // 2, "--deterministic"),
        *("--checkpoint-every", 2, "--sample-every", STEPS, "--log-every", 1, *(["--resume"] if resume else [])),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment |= {"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"}
    command = [sys.executable, "-m", "animegan3_tf", "train", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=data)


def being_saved(run):
    """Whether a file is being written in the run's folder."""
    return any(name.endswith(".tmp") for name in os.listdir(run)) if run.is_dir() else False


def kill_in_a_save(process, run, number, delay):
    """Waits for the number-th temporary file, and a little longer. Says whether the process was still alive."""
    while process.poll() is None:
        if being_saved(run):
            number -= 1
            if number == 0:
                time.sleep(delay)
                break
            while being_saved(run) and process.poll() is None:
                time.sleep(0.001)
        time.sleep(0.001)
    return kill(process)


def kill(process):
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def kill_after(process, seconds):
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return kill(process)
    return False


def check_final(run, expected):
    state = read_state(states(run)[-1])
    assert state.step == STEPS
    assert state.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        np.testing.assert_array_equal(state.arrays[name], array, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["unpaired", "pairs"])
def test_killed_at_any_moment_it_ends_bit_for_bit_as_if_it_had_not_been(tmp_path, objective):
    if objective == "pairs":
        write_pairs(tmp_path / "pairs", 6)
        (tmp_path / "tiny.toml").write_text(PAIRS_TOML.replace("[pairs]", "[pairs]\ndiscriminator = true"))
    else:
        write_pictures(tmp_path / "photo", 5)
        write_pictures(tmp_path / "anime", 4, first=10)
        (tmp_path / "tiny.toml").write_text(TINY_TOML)
    rng = random.Random(SEED)
    print(f"KILLS={KILLS} KILL_SEED={SEED}, {STEPS} steps")
    with open(tmp_path / "log", "w+") as log:
        began = time.monotonic()
        alone = start(tmp_path, tmp_path / "alone", False, log)
        if KILLS > 1:
            assert alone.wait() == 0
        life, killed, finished, number = time.monotonic() - began, 0, [], 0
        run = tmp_path / "run-0"
        while killed < KILLS or run not in finished:
            process = start(tmp_path, run, bool(states(run)) if run.is_dir() else False, log)
            if killed == KILLS:
                hit, when = process.wait() < 0, "left alone"
            elif killed % 2 == 0:
                number, delay = rng.randint(2, SAVES), rng.choice([0.0, rng.uniform(0, 0.02), rng.uniform(0, 0.1)])
                hit = kill_in_a_save(process, run, number, delay)
                when = f"{delay * 1000:.0f} ms into its temporary file {number}"
            else:
                moment = rng.uniform(0, life)
                hit, when = kill_after(process, moment), f"after {moment:.1f} s of {life:.0f}"
            found = [path.name for path in states(run)] if run.is_dir() else []
            if not hit:
                log.seek(0)
                assert process.returncode == 0, log.read()
                finished.append(run)
                print(f"{run.name}: ended ({when})")
                if killed < KILLS:
                    run = tmp_path / f"run-{len(finished)}"
                continue
            killed += 1
            torn = len(list(run.glob(".*.tmp"))) if run.is_dir() else 0
            print(
                f"{run.name}: kill {killed} {when}; {', '.join(found) or 'no state yet'}; {torn} torn temporary files"
            )
            for name in found:
                read_state(run / name)  # raises when a checkpoint on disk cannot be read
        assert alone.wait() == 0
        expected = read_state(states(tmp_path / "alone")[-1])
        for done in finished:
            check_final(done, expected)
            assert not list(done.glob(".*.tmp"))
        print(f"{killed} kills, {len(finished)} runs ended, every final state bit-identical to the uninterrupted run's")
