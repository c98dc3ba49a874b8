"""Sets TensorFlow up for the command line: quiet, and without claiming a whole GPU at once."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator


def quiet_tensorflow() -> None:
    """Sets up the environment and the warning filters; call it before the first import of TensorFlow.

    Settings that the user made in the environment stay.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    warnings.filterwarnings("ignore", module="tensorflow_addons")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    warnings.filterwarnings("ignore", module="PIL")  # images.py says in one line what is wrong with a file


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Discards the process's stdout and stderr during a `with` block; exceptions pass.

    Keras prints every captured variable, and the converter's C++ code prints statistics past `sys.stdout`, so the file
    descriptors themselves are redirected.
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
