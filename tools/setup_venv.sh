#!/bin/sh
# Makes the virtual environment that the Makefile runs everything in: setup_venv.sh FOLDER
# PYTHON=... names the interpreter; otherwise the first of python3.11, 3.10, 3.9 and python3 that fits is taken.
# EXTRAS=dev,beam names the extras of setup.cfg to install; dev by default.
set -u
venv=$1

fits() {
    # run it to find out: a version manager's shim may be on the path and not work
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))' >/dev/null 2>&1
}

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.11 python3.10 python3.9 python3; do
        if fits "$candidate"; then python=$candidate; break; fi
    done
fi
if [ -z "$python" ]; then
    echo "No Python 3.9, 3.10 or 3.11 with the venv module was found (TensorFlow 2.15 runs on no other)." >&2
    echo "Install one (Debian, Ubuntu: apt install python3.11-venv; macOS: brew install python@3.11; anywhere: pyenv" >&2
    echo "install 3.11) or name one: make PYTHON=/path/to/python3.11 ..." >&2
    exit 1
fi
if ! fits "$python"; then
    echo "PYTHON=$python is not a working Python 3.9 to 3.11 with the venv module." >&2
    exit 1
fi

version() { "$1" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null; }

# created again where it does not work, or has another Python than the requested one
if ! fits "$venv/bin/python" || { [ -n "${PYTHON:-}" ] && [ "$(version "$venv/bin/python")" != "$(version "$python")" ]; }; then
    "$python" -m venv --clear "$venv" || { echo "The environment $venv could not be created." >&2; exit 1; }
fi
echo "Installing into $venv (TensorFlow is about 475 MB, once) ..."
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[${EXTRAS:-dev}]"; then
    echo "pip failed; its reason is printed above. It needs the package index (or your mirror: pip config set" >&2
    echo "global.index-url URL) and about 3 GB of disk. What was downloaded is kept: run the same command again." >&2
    exit 1
fi
