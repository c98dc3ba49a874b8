"""The names of the files in a run folder. TensorFlow is not needed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animegan3_tf.errors import UserError

if TYPE_CHECKING:
    import os

CONFIGURATION = "config.json"
_STATE = re.compile(r"state-(\d+)\.h5")


def read_configuration(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads a run folder's config.json as plain values.

    Raises:
        UserError: There is none, or it cannot be read.
    """
    path = Path(folder) / CONFIGURATION
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{str(folder)!r} is not a run folder: it has no {CONFIGURATION}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{str(path)!r} cannot be read: it is not a JSON object")
    return values


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested dicts into one, whose keys are joined by dots and begin with `prefix`."""
    joined: dict[str, Any] = {}
    for key, value in values.items():
        joined |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return joined


def states(folder: str | os.PathLike[str]) -> list[Path]:
    """Returns the state files of a run folder, oldest first."""
    return sorted((p for p in Path(folder).glob("state-*.h5") if _STATE.fullmatch(p.name)), key=step_of)


def step_of(path: str | os.PathLike[str]) -> int:
    """Returns the step of a state file; raises ValueError for a name that is not that of a state."""
    match = _STATE.fullmatch(Path(path).name)
    if match is None:
        raise ValueError(f"{str(path)!r} is not the name of a state file, state-STEP.h5")
    return int(match.group(1))


def state_name(step: int) -> str:
    """Returns the file name of a step's state."""
    return f"state-{step:06d}.h5"
