#!/bin/sh
# Makes the virtual environment that the Makefile runs everything in: setup_venv.sh FOLDER
# PYTHON=... names the interpreter; otherwise the newest on the path is taken that TensorFlow has wheels for.
# EXTRAS=dev,beam names the extras of setup.cfg to install; dev by default.
set -u
venv=$1

fits() {
    # run it to find out: a version manager's shim may be on the path and not work
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

version() { "$1" -c 'import sys; print(*sys.version_info[:2], sep=".")' 2>/dev/null; }

case "$(uname -s) $(uname -m)" in
    "Darwin x86_64") versions="3.11 3.10 3.9" ;; # TensorFlow 2.21 has no wheel for Intel Macs
    "Linux aarch64") versions="3.13 3.12" ;;     # and tensorflow-addons none for ARM Linux
    *) versions="3.13 3.12 3.11 3.10 3.9" ;;
esac

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in $(printf 'python%s ' $versions) python3; do
        if fits "$candidate"; then python=$candidate; break; fi
    done
fi
if [ -z "$python" ]; then
    echo "No Python 3.9 to 3.13 with the venv module was found (TensorFlow runs on no other)." >&2
    echo "Install one (Debian, Ubuntu: apt install python3-venv; macOS: brew install python@3.13; anywhere: pyenv" >&2
    echo "install 3.13) or name one: make PYTHON=/path/to/python3.13 ..." >&2
    exit 1
fi
if ! fits "$python"; then
    echo "PYTHON=$python is not a working Python 3.9 to 3.13 with the venv module." >&2
    exit 1
fi

# created again where it does not work, or has another Python than the requested one
if ! fits "$venv/bin/python" || { [ -n "${PYTHON:-}" ] && [ "$(version "$venv/bin/python")" != "$(version "$python")" ]; }; then
    "$python" -m venv --clear "$venv" || { echo "The environment $venv could not be created." >&2; exit 1; }
fi
case $(version "$venv/bin/python") in
    3.9 | 3.10 | 3.11) line=2.15 ;; # with tensorflow-addons and tensorflow-gan
    *) line=2.21 ;;
esac
echo "Installing TensorFlow $line for Python $(version "$venv/bin/python") into $venv (about 0.5 GB, once) ..."
if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c "constraints/tensorflow-$line.txt" \
    -e ".[${EXTRAS:-dev}]"; then
    echo "pip failed; its reason is printed above. It needs the package index (or your mirror: pip config set" >&2
    echo "global.index-url URL) and about 3 GB of disk. What was downloaded is kept: run the same command again." >&2
    exit 1
fi
