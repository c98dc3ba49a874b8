"""Work spread over processes, with only as many tasks in the queue as keep them busy."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from animegan3_tf.errors import UserError
from animegan3_tf.workers import start_worker

_QUEUED_PER_JOB = 4
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def in_processes(
    function: Callable[[_Task], _Result], tasks: Iterable[_Task], jobs: int
) -> Generator[tuple[_Task, _Result], None, None]:
    """Yields (task, function(task)) as they finish. Close the generator to end the processes.

    Args:
        function: A module-level function.
        tasks: The tasks, of which only a few are taken ahead, so memory stays bounded.
        jobs: Number of processes; with 1, everything happens in this process.

    Yields:
        A task and its result.

    Raises:
        UserError: A process died.
    """
    if jobs == 1:
        for task in tasks:
            yield task, function(task)
        return
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of TensorFlow's and OpenCV's threads
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=start_worker)
    waiting: dict[Future[_Result], _Task] = {}

    def collect() -> Iterator[tuple[_Task, _Result]]:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            yield waiting.pop(future), future.result()

    with one_thread_each():
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
def one_thread_each() -> Iterator[None]:
    """Limits NumPy in worker processes that start in the block to one thread each; more would only contend."""
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
