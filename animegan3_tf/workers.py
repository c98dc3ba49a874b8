"""How every worker process of a pool starts; without TensorFlow, so that it starts in a moment."""

import multiprocessing
import os
import signal
import threading

import cv2


def start_worker() -> None:
    """Pool initializer: one thread, Ctrl-C and SIGTERM left to the parent, and no life after it."""
    # a terminal, a scheduler or `timeout` signals every process of a job; the parent decides what to finish first
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_when_the_parent_says, daemon=True).start()
    cv2.setNumThreads(1)

    def die_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)  # a killed parent would leave its workers waiting for ever

    threading.Thread(target=die_with_parent, daemon=True).start()


def _end_when_the_parent_says() -> None:
    """SIGTERM is also how the pool ends its processes when one of them has died."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(1)
