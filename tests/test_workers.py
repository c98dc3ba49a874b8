import multiprocessing
import os
import signal
import subprocess
from concurrent.futures import ProcessPoolExecutor

import pytest

from animegan3_tf.common.workers import start_worker, workers_start


@pytest.fixture
def pool(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "2")  # libraries start threads of their own, before the initializer runs
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=start_worker) as made:
        with workers_start():
            made.submit(os.getpid)
        yield made


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="this system does not tell who sent a signal")
@pytest.mark.parametrize("name", ["TERM", "INT"])
def test_a_signal_to_the_whole_job_is_left_to_the_parent(pool, name):
    worker = pool.submit(os.getpid).result()
    subprocess.run(["kill", f"-{name}", str(worker)], check=True)
    assert [pool.submit(os.getpid).result() for _ in range(3)] == [worker] * 3


def test_the_parent_can_end_a_worker(pool):
    worker = pool.submit(os.getpid).result()
    (process,) = (child for child in multiprocessing.active_children() if child.pid == worker)
    process.terminate()
    process.join(60)
    assert process.exitcode is not None
