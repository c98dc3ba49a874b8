"""Starts the worker processes of a pool, without TensorFlow, so that they start fast."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

import cv2

_KNOWS_SENDERS = hasattr(signal, "sigwaitinfo")  # not on macOS or Windows


def start_worker() -> None:
    """Initialises a pool's process: one thread, Ctrl-C and SIGTERM left to the parent, and an end when it ends."""
    # a terminal, a scheduler or `timeout` signals every process of a job; the parent decides what to finish first
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
    """Blocks SIGTERM during a `with` block in which a pool starts its processes.

    They inherit the mask. When `start_worker` sets its own, libraries have started threads already, and SIGTERM would
    reach those.
    """
    if not _KNOWS_SENDERS:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_the_parent_says() -> None:
    """Ends this process at the parent's SIGTERM alone, which a pool sends when one of its processes has died."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(1)
