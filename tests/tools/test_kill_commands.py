import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX signals and locks")


def kill(*arguments):
    """The tool in a process of its own: TensorFlow does not survive a fork once it has computed."""
    command = [sys.executable, str(ROOT / "tools" / "kill_commands.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.slow
def test_killed_at_three_moments_nothing_is_torn_and_a_rerun_completes():
    done = kill("stylize", "--kills", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("stylize: 3 moments of ")
    assert done.stdout.endswith("half-written files 0, reruns complete 3, leftovers 0\n")


def test_a_command_it_does_not_know_is_one_line():
    done = kill("nothing")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("kill_commands: command 'nothing' is unknown; choose from stylize, prepare, ")
