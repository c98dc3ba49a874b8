"""Settings for every test; read before TensorFlow is imported."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

from animegan3_tf.common.console import quiet_tensorflow

quiet_tensorflow()
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup` ignores it, and commands then leave it so
# tests run in several processes, and their pictures are too small for more threads to pay
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")


# what computes nothing with TensorFlow, and tools that take minutes: files by the beginnings of their paths
ONCE = (
    "cases/test_study",
    *("data/test_book", "data/test_colors", "data/test_diff", "data/test_draw", "data/test_face_a", "data/test_face_b"),
    *("data/test_face_sq", "data/test_ledger", "data/test_manifest", "data/test_pair_page", "data/test_perceptual"),
    *("data/test_picture_store", "data/test_prepare", "data/test_records", "data/test_region", "data/test_shard"),
    *("data/test_tfrecord", "evaluation/test_bootstrap", "evaluation/test_infinity", "data/test_results"),
    *("evaluation/study/", "inspection/", "models/test_pickle", "models/test_torch", "reports/", "styles/"),
    *(
        "test_bad_input",
        "test_cli_help",
        "test_cli_study",
        "test_documents",
        "test_duration",
        "test_exif",
        "test_files",
    ),
    *("test_files", "test_hidden", "test_images", "test_npy", "test_progress", "test_start_up", "test_weights_file"),
    *("test_workers", "tools/test_download", "tools/test_generations", "tools/test_house", "tools/test_same"),
    *("tools/test_setup", "tools/test_benchmark", "tools/test_fuzz", "tools/test_kill", "models/test_network"),
    "data/test_pairs_kill",
)


def pytest_collection_modifyitems(config, items):
    """Marks what needs testing once, and leaves out what Python 3.12 and newer cannot be compared with."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).as_posix().startswith(ONCE):
            item.add_marker(pytest.mark.once)
    if importlib.util.find_spec("tensorflow_addons") is None:
        left_out = [item for item in items if item.get_closest_marker("addons")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def no_networks(monkeypatch, tmp_path_factory):
    """Networks that this machine keeps change no test."""
    from animegan3_tf.models import network_files

    monkeypatch.setattr(network_files, "FOLDER", str(tmp_path_factory.getbasetemp() / "no-networks"))


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
