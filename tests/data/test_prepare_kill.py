"""A `prepare` that is killed outright leaves nothing half-written, and a rerun ends as if it had not been killed.

Two kills by default. KILLS=10 asks for that many, over more pictures; KILL_SEED draws other moments.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.prepared_folders import digests, picture
from helpers.tiny_training import TINY_TOML

from animegan3_tf.common.images import read_image, write_image

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", 2))
SEED = int(os.environ.get("KILL_SEED", 0))
PICTURES = 60 if "KILLS" in os.environ else 12
TARGETS = ("photo_superpixel", "photo_l0", "tiny/smooth")

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")


def start(data, log):
    command = [sys.executable, "-m", "animegan3_tf", "prepare", "--style", "tiny.toml", "--data", ".", "--jobs", "2"]
    command += ["--set", "data.image_size=128", "--set", "data.salt=0.1", "--balance", "mean"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=data)


def wait_for_first_target(process, data):
    while process.poll() is None and not any(len(os.listdir(data / t)) > 1 for t in TARGETS if (data / t).is_dir()):
        time.sleep(0.001)


@pytest.mark.slow
def test_killed_at_any_moment_it_is_finished_byte_for_byte_by_a_rerun(tmp_path):
    data, alone = tmp_path / "data", tmp_path / "alone"
    for i in range(PICTURES):
        write_image(data / "photo" / f"{i}.png", picture(i, 128))
        write_image(data / "tiny" / "style" / f"{i}.png", picture(1000 + i, 128))
    (data / "photo" / "broken.jpg").write_bytes(b"no picture")
    (data / "tiny.toml").write_text(TINY_TOML)
    originals = digests(data)
    rng = random.Random(SEED)
    with open(tmp_path / "log", "w+") as log:
        shutil.copytree(data, alone)
        began = time.monotonic()
        process = start(alone, log)
        wait_for_first_target(process, alone)
        working = time.monotonic()
        assert process.wait() == 1, (log.seek(0), log.read())  # one picture is rejected
        ended = time.monotonic()
        expected = digests(alone)
        assert len(expected) == len(originals) + 3 * PICTURES + 3  # targets, two manifests, rejected.json
        killed = tries = 0
        while killed < KILLS and tries < 3 * KILLS:
            run, tries = tmp_path / f"run-{tries}", tries + 1
            shutil.copytree(data, run)
            process = start(run, log)
            if tries % 4:  # most while targets are made; the start takes most of the time and has least to go wrong
                wait_for_first_target(process, run)
                moment = rng.uniform(0, ended - working)
            else:
                moment = rng.uniform(0, working - began)
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            hit = process.wait() == -signal.SIGKILL
            time.sleep(0.1)  # for its workers to notice
            killed += hit
            targets = [path for t in TARGETS for path in (run / t).rglob("*.png")]
            for path in targets:
                read_image(path)  # raises when it is not whole
            torn = len(list(run.rglob(".*.tmp")))
            again = start(run, log)
            assert again.wait() == 1
            print(
                f"{'kill' if hit else 'ended by itself'} {moment:.2f} s in: {len(targets)} targets, {torn} torn files"
            )
            assert digests(run) == expected
    assert killed == KILLS
