"""Settings for every test; read before TensorFlow is imported."""

import os
import sys

import pytest

from animegan3_tf.common.console import quiet_tensorflow

quiet_tensorflow()
# tests run in several processes, and their pictures are too small for more threads to pay
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def eager():
    """Without graphs a few steps are done before a graph would have been traced."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs the command in this process: (exit status, stdout, stderr)."""

    from animegan3_tf.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["animegan3", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return ended.value.code, written.out, written.err

    return run
