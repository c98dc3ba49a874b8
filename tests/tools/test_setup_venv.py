"""Which Python the Makefile's environment gets, with interpreters and `uname` that only say what they are asked."""

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup_venv.sh"
PYTHON = """#!/bin/sh
case "$*" in
    "-c import sys, venv"*) exit {unfit} ;;
    "-c import sys; print"*) echo {version} ;;
    "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    "-m pip install"*) echo "$@" > "${{0%/bin/python}}/asked" ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """Makes a machine with these Pythons; returns a function that runs the script there."""
    tools, venv = tmp_path / "bin", tmp_path / "venv"
    tools.mkdir()

    def add(name, text):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)

    def make(*versions, uname="Linux x86_64", unfit=(), **environment):
        system, processor = uname.split()
        add("uname", f'#!/bin/sh\n[ "$1" = -s ] && echo {system} || echo {processor}\n')
        for tool in ("cp", "mkdir", "sh"):
            if not (tools / tool).exists():
                (tools / tool).symlink_to(f"/bin/{tool}")
        for version in versions:
            add(f"python{version}", PYTHON.format(version=version, unfit=int(version in unfit)))
        done = subprocess.run(
            ["/bin/sh", SCRIPT, venv],
            env={"PATH": str(tools), **environment},
            capture_output=True,
            text=True,
            cwd=SCRIPT.parents[1],
        )
        asked = venv / "asked"
        return done, asked.read_text() if asked.exists() else ""

    return make


@pytest.mark.parametrize(
    ("versions", "uname", "line"),
    [
        (("3.9", "3.11", "3.13"), "Linux x86_64", "2.21"),
        (("3.12",), "Linux x86_64", "2.21"),
        (("3.9", "3.11", "3.14"), "Linux x86_64", "2.15"),
        (("3.11", "3.13"), "Darwin arm64", "2.21"),
        (("3.11", "3.13"), "Darwin x86_64", "2.15"),
        (("3.11", "3.12"), "Linux aarch64", "2.21"),
    ],
)
def test_the_newest_python_that_fits_chooses_the_line(machine, versions, uname, line):
    done, asked = machine(*versions, uname=uname)
    assert done.returncode == 0, done.stderr
    assert f"-c constraints/tensorflow-{line}.txt -e .[dev]" in asked
    assert (SCRIPT.parents[1] / f"constraints/tensorflow-{line}.txt").is_file()


def test_a_named_python_and_extras(machine):
    done, asked = machine("3.11", "3.13", PYTHON="python3.11", EXTRAS="dev,beam")
    assert "-c constraints/tensorflow-2.15.txt -e .[dev,beam]" in asked
    done, asked = machine("3.11", "3.13", PYTHON="python3.13")
    assert "-c constraints/tensorflow-2.21.txt" in asked
    assert "TensorFlow 2.21 for Python 3.13" in done.stdout


def test_one_that_does_not_work_is_passed_over(machine):
    """As a version manager's shim of a version that is not active."""
    _, asked = machine("3.12", "3.13", unfit={"3.13"})
    assert "tensorflow-2.21" in asked
    done, _ = machine("3.12", "3.13", unfit={"3.13"}, PYTHON="python3.13")
    assert done.returncode == 1
    assert done.stderr == "PYTHON=python3.13 is not a working Python 3.9 to 3.13 with the venv module.\n"


def test_no_python_is_an_error_with_a_remedy(machine):
    done, _ = machine("3.8")
    assert done.returncode == 1
    assert done.stderr.startswith("No Python 3.9 to 3.13 with the venv module was found")
    assert "apt install python3-venv" in done.stderr


def test_an_environment_is_kept_unless_another_python_is_named(machine, tmp_path):
    machine("3.11")
    machine("3.11", "3.13")
    assert "2.15" in (tmp_path / "venv" / "asked").read_text()
    machine("3.11", "3.13", PYTHON="python3.13")
    assert "2.21" in (tmp_path / "venv" / "asked").read_text()


def test_each_line_pins_what_setup_cfg_asks_for_there():
    """A Python must not get TensorFlow from one line and its companions from the other."""
    for line, wanted in (("2.15", "2.15.1"), ("2.21", "2.21.0")):
        pins = (SCRIPT.parents[1] / "constraints" / f"tensorflow-{line}.txt").read_text().splitlines()
        assert f"tensorflow=={wanted}" in {pin.split(" ;")[0] for pin in pins}
        assert any(pin.startswith("tensorflow-addons==") for pin in pins) == (line == "2.15")
