"""Finds the development data beside the repository, above all the golden inputs and outputs of the original code."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared(*parts):
    """The path of a file or folder of ../shared; without it the calling test is skipped, in CI failed."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        absent = pytest.fail if os.environ.get("REQUIRE_GOLDEN") else pytest.skip
        absent(f"development data absent: {'/'.join(parts)} is looked for in ../shared beside the repository")
    return path


def golden(*parts):
    """The path of a golden file, or a skipped test."""
    return shared("golden", *parts)
