"""`animegan3 pairs` killed outright, twice, ends with the bytes of a run that was not.

KILLS=10 asks for more kills; KILL_SEED draws other moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.prepared_folders import digests, picture

from animegan3_tf.common.images import write_image
from animegan3_tf.models.weights import save_generator
from animegan3_tf.networks import build_generator

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", 2))
SEED = int(os.environ.get("KILL_SEED", 0))
PHOTOS = 40

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")


def start(folder, out, log):
    command = [sys.executable, "-m", "animegan3_tf", "pairs", "photos", "-o", str(out), "--teacher", "teacher.h5"]
    command += ["--no-faces", "--size", "96", "--teacher-size", "128", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)


def wait_for_first_pair(process, out):
    while process.poll() is None and not list(out.glob("anime/*.png")):
        time.sleep(0.001)


@pytest.mark.slow
def test_killed_at_any_moment_it_is_finished_byte_for_byte_by_a_rerun(tmp_path):
    for i in range(PHOTOS):
        write_image(tmp_path / "photos" / f"{i}.png", picture(i, 160))
    save_generator(tmp_path / "teacher.h5", build_generator("main"))
    rng = random.Random(SEED)
    with open(tmp_path / "log", "w+") as log:
        process = start(tmp_path, tmp_path / "alone", log)
        wait_for_first_pair(process, tmp_path / "alone")
        working = time.monotonic()
        assert process.wait() == 0, (log.seek(0), log.read())
        seconds = time.monotonic() - working
        killed = 0
        for _ in range(KILLS):
            process = start(tmp_path, tmp_path / "killed", log)
            wait_for_first_pair(process, tmp_path / "killed")
            time.sleep(rng.uniform(0, seconds))
            killed += process.poll() is None
            process.kill()
            process.wait()
        process = start(tmp_path, tmp_path / "killed", log)
        assert process.wait() == 0, (log.seek(0), log.read())
    assert killed, "each run ended before it was killed"
    assert digests(tmp_path / "killed") == digests(tmp_path / "alone")
