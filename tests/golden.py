"""Finds the development data beside the repository, above all the golden inputs and outputs of the original code."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def golden(*parts):
    """The path of a golden file; without it (on a user's machine) the calling test is skipped."""
    path = SHARED.joinpath("golden", *parts)
    if not path.exists():
        pytest.skip(f"golden data absent: {'/'.join(parts)} is looked for in ../shared/golden beside the repository")
    return path
