"""What stands in a run folder under which name, for all that look into one. TensorFlow is not needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from animegan3_tf.errors import UserError

CONFIGURATION = "config.json"
_STATE = re.compile(r"state-(\d+)\.h5")


def read_configuration(folder):
    """config.json as plain values. Raises UserError when it cannot be read."""
    path = Path(folder) / CONFIGURATION
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{str(folder)!r} is not a run folder: it has no {CONFIGURATION}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{str(path)!r} cannot be read: it holds no settings")
    return values


def flat(values, prefix=""):
    """Nested dicts as one, keys joined by dots."""
    joined = {}
    for key, value in values.items():
        joined |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return joined


def states(folder):
    """The state files of a run folder, oldest first."""
    return sorted((p for p in Path(folder).glob("state-*.h5") if _STATE.fullmatch(p.name)), key=step_of)


def step_of(path):
    """The step a state file was saved at. ValueError when it is not named like one."""
    match = _STATE.fullmatch(Path(path).name)
    if match is None:
        raise ValueError(f"{str(path)!r} is not named like a state")
    return int(match.group(1))


def state_name(step):
    """The name of the file of a step's state."""
    return f"state-{step:06d}.h5"
