"""The states in a run folder: which ones are kept, which are deleted, and which one a resumed run begins with."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from animegan3_tf.checkpoints import weights_of
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.run_files import state_name, states, step_of
from animegan3_tf.training.state import (
    DamagedState,
    HasVariables,
    State,
    check_state,
    read_state,
    snapshot,
    write_state,
)
from animegan3_tf.weights_file import read_header

KEPT = 2
INDEX = "states.json"


def save_state(
    folder: Path,
    trainer: HasVariables,
    about: Mapping[str, Any] | None = None,
    keep: int = KEPT,
    keep_every: int = 0,
) -> Path:
    """Writes `state-<step>.h5` of a trainer and deletes the states that need not be kept.

    Args:
        folder: The run folder.
        trainer: The trainer.
        about: Further header entries, see `snapshot`.
        keep: The number of the newest states to keep.
        keep_every: Also keep the states of steps that are multiples of this; 0 for none.

    Returns:
        The path of the state.

    Raises:
        UserError: A variable is not finite; then nothing in the folder changes.
    """
    state = snapshot(trainer, about)
    path = folder / state_name(state.step)
    write_state(path, state)
    check_state(path)  # before others are deleted, since this one may be the only one left
    older = [p for p in states(folder) if step_of(p) < state.step]
    older = older[: max(0, len(older) - (keep - 1))]
    dropped = [p for p in older if not keep_every or step_of(p) % keep_every]
    # the index first: if the process is killed in between, the index must not name states deleted on purpose
    _write_index(folder, [p for p in states(folder) if p not in dropped])
    for old in dropped:
        old.unlink()
    return path


def forget_states(folder: Path) -> None:
    """Empties the index, for a run that starts in a folder whose states were removed."""
    if (folder / INDEX).exists():
        _write_index(folder, [])


def newest_state(folder: Path, show: Callable[[str], object] = print) -> State:
    """Reads the newest undamaged state of a folder, and changes nothing there.

    Args:
        folder: The run folder.
        show: Receives a warning for each newer state that is damaged or missing.

    Returns:
        The state.

    Raises:
        UserError: There is no undamaged state.
    """
    missing = {step: f"{state_name(step)!r} was saved and is gone" for step in _missing(folder, show)}
    problems: dict[int, str] = {}
    found = None
    for path in reversed(states(folder)):
        try:
            state = read_state(path)
            if state.step != step_of(path):
                raise DamagedState(f"{str(path)!r} holds the state of step {state.step}: it was renamed")
            found = state
            break
        except DamagedState as error:
            problems[step_of(path)] = str(error)
    last = -1 if found is None else found.step
    problems = {step: problem for step, problem in {**missing, **problems}.items() if step > last}
    lines = [problems[step] for step in sorted(problems, reverse=True)]
    if found is None:
        reason = f"no state to resume from: {'; '.join(lines)}" if lines else "no state to resume from"
        remedy = "begin a new run with another --out" if lines else "start without --resume"
        raise UserError(f"{str(folder)!r} holds {reason}; {remedy}")
    for line in lines:
        show(f"WARNING: {line}")
    if lines:
        show(f"WARNING: {state_name(found.step)!r} is used instead; the steps after {found.step} are trained again")
    return found


def set_aside_newer(folder: Path, step: int, show: Callable[[str], object] = print) -> None:
    """Renames later states, all of which are damaged, to `<name>.damaged`, so that they are ignored but not lost.

    Args:
        folder: The run folder.
        step: The step of the newest undamaged state.
        show: Receives a warning for each state that is renamed.
    """
    for path in states(folder):
        if step_of(path) > step:
            aside = path.with_name(f"{path.name}.damaged")
            os.replace(path, aside)
            show(f"WARNING: {path.name!r} is now {aside.name!r}; remove it when you have no use for it")
    _write_index(folder, states(folder))


def _write_index(folder: Path, paths: Sequence[Path]) -> None:
    with whole_file(folder / INDEX, durable=True) as temporary:
        temporary.write_text(json.dumps({"states": [path.name for path in paths]}) + "\n", encoding="utf-8")


def _missing(folder: Path, show: Callable[[str], object]) -> set[int]:
    """The steps of states that were saved and should be in the folder, but are not."""
    steps: set[int] = set()
    try:
        names = json.loads((folder / INDEX).read_text(encoding="utf-8"))["states"]
        steps |= {step_of(name) for name in names}
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        show(f"WARNING: {str(folder / INDEX)!r} cannot be read ({error}) and is ignored")
    with contextlib.suppress(UserError, KeyError, TypeError, ValueError):
        steps.add(int(read_header(weights_of(folder))["step"]))  # written after the state of its step
    present = {step_of(path) for path in states(folder)}
    set_aside = {step for step in steps if (folder / f"{state_name(step)}.damaged").exists()}
    return steps - present - set_aside
