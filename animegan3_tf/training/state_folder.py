"""Which states of a run stand in its folder: what is kept, what is dropped, and which one a resumed run begins with."""

from __future__ import annotations

import contextlib
import json
import os

from animegan3_tf.checkpoints import weights_of
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.training.run_files import state_name, states, step_of
from animegan3_tf.training.state import DamagedState, check_state, read_state, snapshot, write_state
from animegan3_tf.weights_file import read_header

KEPT = 2
INDEX = "states.json"


def save_state(folder, trainer, about=None, keep=KEPT, keep_every=0):
    """Writes `state-<step>.h5` of a trainer and drops what need not be kept. Returns its path.

    about: see `snapshot`, whose UserError leaves everything as it was. keep: how many of the newest states stay;
    keep_every: those at multiples of it stay for good, 0 for none.
    """
    state = snapshot(trainer, about)
    path = folder / state_name(state.step)
    write_state(path, state)
    check_state(path)  # before others go: from here on it may be the only one
    older = [p for p in states(folder) if step_of(p) < state.step]
    older = older[: max(0, len(older) - (keep - 1))]
    dropped = [p for p in older if not keep_every or step_of(p) % keep_every]
    # the index first: killed in between, it must not name what was dropped on purpose
    _write_index(folder, [p for p in states(folder) if p not in dropped])
    for old in dropped:
        old.unlink()
    return path


def forget_states(folder):
    """Begins the index anew, for a run that starts in a folder whose states are gone."""
    if (folder / INDEX).exists():
        _write_index(folder, [])


def newest_state(folder, show=print):
    """The newest state of a folder that is as it was written.

    Newer ones that are damaged or gone are named through `show`; nothing in the folder is changed. UserError when no
    state is left.
    """
    missing = {step: f"{state_name(step)!r} was saved and is gone" for step in _recorded(folder, show)}
    problems, found = {}, None
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
    problems = {step: told for step, told in {**missing, **problems}.items() if step > last}
    told = [problems[step] for step in sorted(problems, reverse=True)]
    if found is None:
        reason = f"no state to resume from: {'; '.join(told)}" if told else "no state to resume from"
        remedy = "begin a new run with another --out" if told else "start without --resume"
        raise UserError(f"{str(folder)!r} holds {reason}; {remedy}")
    for line in told:
        show(f"WARNING: {line}")
    if told:
        show(f"WARNING: {state_name(found.step)!r} is used instead; what came after step {found.step} is done again")
    return found


def set_aside_newer(folder, step, show=print):
    """Renames the states after `step`, all damaged, to `<name>.damaged`: they count no longer and are not lost."""
    for path in states(folder):
        if step_of(path) > step:
            aside = path.with_name(f"{path.name}.damaged")
            os.replace(path, aside)
            show(f"WARNING: {path.name!r} is now {aside.name!r}; remove it when you have no use for it")
    _write_index(folder, states(folder))


def _write_index(folder, paths):
    with whole_file(folder / INDEX, durable=True) as temporary:
        temporary.write_text(json.dumps({"states": [path.name for path in paths]}) + "\n", encoding="utf-8")


def _recorded(folder, show):
    """Steps at which a state that is to stand in the folder was saved, and is not there."""
    steps = set()
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
