"""Work spread over processes, with as little of it ahead as keeps them busy."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from animegan3_tf.errors import UserError
from animegan3_tf.workers import start_worker

_QUEUED_PER_JOB = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def in_processes(function: Callable, tasks: Iterator, jobs: int) -> Iterator[tuple]:
    """Yields (task, function(task)) as they finish; takes only a few tasks ahead, so memory stays bounded.

    function: module-level. With one job, everything happens in this process. Close the generator to end the processes.
    """
    if jobs == 1:
        for task in tasks:
            yield task, function(task)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of TensorFlow's and OpenCV's threads
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=start_worker)
    waiting = {}

    def collect():
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()

    with _one_thread_each():
        try:
            for task in tasks:
                waiting[pool.submit(function, task)] = task
                if len(waiting) >= jobs * _QUEUED_PER_JOB:
                    yield from collect()
            while waiting:
                yield from collect()
        except BrokenProcessPool:
            raise UserError(f"a worker process died (out of memory?); use fewer than {jobs} jobs") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers inherit these variables when NumPy loads in them; threads within processes would only contend."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
