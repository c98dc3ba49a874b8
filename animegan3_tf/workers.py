"""How every worker process of a pool starts; without TensorFlow, so that it starts in a moment."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator

import cv2

_TELLS_SENDERS = hasattr(signal, "sigwaitinfo")  # not on macOS or Windows


def start_worker() -> None:
    """Pool initializer: one thread, Ctrl-C and SIGTERM left to the parent, and no life after it."""
    # a terminal, a scheduler or `timeout` signals every process of a job; the parent decides what to finish first
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _TELLS_SENDERS:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_when_the_parent_says, daemon=True).start()
    cv2.setNumThreads(1)

    def die_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)  # a killed parent would leave its workers waiting for ever

    threading.Thread(target=die_with_parent, daemon=True).start()


@contextlib.contextmanager
def workers_start() -> Iterator[None]:
    """Around what makes a pool start its processes, where SIGTERM is to be left to the parent.

    They inherit a mask: when `start_worker` sets its own, libraries have threads already, which SIGTERM would reach.
    """
    if not _TELLS_SENDERS:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_the_parent_says() -> None:
    """SIGTERM is also how the pool ends its processes when one of them has died."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(1)
