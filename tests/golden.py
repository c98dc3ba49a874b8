"""Finds the development data beside the repository, above all the golden inputs and outputs of the original code."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts):
    """The path of a file or folder of ../shared; without it (on a user's machine) the calling test is skipped."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"development data absent: {'/'.join(parts)} is looked for in ../shared beside the repository")
    return path


def golden(*parts):
    """The path of a golden file, or a skipped test."""
    return shared("golden", *parts)
