"""What a start loads: seconds of a short command go into nothing else."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("animegan3_tf.cli", ("tensorflow", "numpy", "cv2", "jinja2", "rich.progress", "pydantic")),
        ("animegan3_tf.study.score", ("tensorflow", "jinja2", "rich.progress", "pydantic", "sqlite3", "skimage")),
        (
            "animegan3_tf.reports.study",
            ("tensorflow", "pydantic", "sqlite3", "skimage", "animegan3_tf.evaluation.distances"),
        ),
        # each worker process loads it anew
        ("animegan3_tf.data.prepare", ("tensorflow", "jinja2", "rich.console", "pydantic")),
    ],
)
def test_a_module_loads_nothing_slow_that_it_can_do_without(module, slow):
    code = f"import sys, {module}; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
