"""How every worker process of a pool starts; without TensorFlow, so that it starts in a moment."""

import multiprocessing
import os
import signal
import threading

import cv2


def start_worker() -> None:
    """Pool initializer: one thread, Ctrl-C left to the parent, and no life after it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the parent decides what to finish
    cv2.setNumThreads(1)

    def die_with_parent():
        multiprocessing.parent_process().join()
        os._exit(1)  # a killed parent would leave its workers waiting for ever

    threading.Thread(target=die_with_parent, daemon=True).start()
