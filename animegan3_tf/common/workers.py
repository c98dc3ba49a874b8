"""Worker processes that stop when their parent does, and work shared among them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from typing import TypeVar

import cv2

from animegan3_tf.common.errors import UserError

_KNOWS_SENDERS = hasattr(signal, "sigwaitinfo")  # not on macOS or Windows
_IGNORED = {signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)}  # Windows has no SIGHUP


def start_worker() -> None:
    """Initialises a pool's process: one thread, no signal but its parent's, and an end when the parent ends."""
    # a terminal, a scheduler or `timeout` signals every process of a job; the parent decides what to finish first
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    if _KNOWS_SENDERS:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_when_the_parent_says, daemon=True).start()
    cv2.setNumThreads(1)

    def die_with_parent() -> None:
        parent = multiprocessing.parent_process()
        if parent is None:  # called in the main process, which has nobody to wait for
            return
        parent.join()
        os._exit(1)  # a killed parent would leave its workers waiting for ever

    threading.Thread(target=die_with_parent, daemon=True).start()


@contextlib.contextmanager
def workers_start() -> Iterator[None]:
    """Blocks SIGTERM and SIGHUP during a `with` block in which a pool starts its processes.

    They inherit the mask. When `start_worker` sets its own, libraries have started threads already, and the signals
    would reach those.
    """
    if not _KNOWS_SENDERS:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        resource_tracker.ensure_running()  # Python's own process for pools, which would die of SIGHUP
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_the_parent_says() -> None:
    """Ends this process at the parent's SIGTERM alone, which a pool sends when one of its processes has died."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(1)


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
    with workers_start():
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
