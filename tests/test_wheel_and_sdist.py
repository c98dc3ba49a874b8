"""The wheel and the sdist: each, installed where there is no checkout, stylises with the checkpoint that it carries."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from helpers.run_folders import run_folder

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "runs", "build", "dist", "*.egg-info", "__pycache__", ".*_cache")
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


def run(*command, cwd, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**clean, **environment}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the checkout, so that building leaves nothing in it."""
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("sources") / "copy", ignore=LEFT_OUT)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_installed_package_runs_the_demo_in_an_empty_folder(kind, sources, tmp_path):
    dist, home, empty = (tmp_path / name for name in ("dist", "environment", "empty"))
    dist.mkdir()
    empty.mkdir()
    run(sys.executable, "-c", BUILD, f"build_{kind}", dist, cwd=sources)
    (built,) = dist.iterdir()
    # its dependencies are those of the environment that runs the tests, in which the package stands as a checkout
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, built, cwd=empty)
    where = run(python, "-c", "import animegan3_tf; print(animegan3_tf.__file__)", cwd=empty).strip()
    assert Path(where).is_relative_to(home)
    assert "portrait" in run(home / "bin" / "animegan3", "models", cwd=empty)
    line = run(home / "bin" / "animegan3", "demo", "--out", "made", cwd=empty).splitlines()[-1]
    assert (empty / line).is_file()
    page = run(home / "bin" / "animegan3", "runs", "--page", run_folder(tmp_path / "run"), cwd=empty).strip()
    assert "</html>" in Path(page).read_text()  # its template and style sheet are there
    assert [path.name for path in empty.iterdir()] == ["made"]
