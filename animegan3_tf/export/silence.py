"""Keeps the converters' chatter off the terminal."""

import contextlib
import os
import sys


@contextlib.contextmanager
def silence():
    """Sends both output streams of the process to nowhere for the time of a `with` block; exceptions still come.

    Keras prints every captured variable and the converter's C++ its statistics, past `sys.stdout`: so the file
    descriptors themselves are turned away.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        for number, descriptor in zip((1, 2), kept):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
