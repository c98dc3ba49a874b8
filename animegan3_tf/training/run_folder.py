"""The folder of a run: one process at a time in it, and no run going on as what it did not begin as."""

from __future__ import annotations

import contextlib
import json
import os

from animegan3_tf.errors import UserError
from animegan3_tf.files import remove_leftovers, take_lock, whole_file
from animegan3_tf.training.configuration import OVERRIDDEN, PERCEPTUAL, RunConfiguration, binding
from animegan3_tf.training.run_files import CONFIGURATION, states
from animegan3_tf.training.state import environment
from animegan3_tf.training.state_folder import forget_states, newest_state, set_aside_newer

LOCK = "run.lock"
SAMPLES = "samples"


@contextlib.contextmanager
def open_folder(configuration, folder, resume=False, override=False, show=print):
    """A run folder ready to train in, for the time of a `with` block; yields the state to begin with, or None.

    Keeps other training processes out and writes the configuration. resume: it must agree with that of the newest
    state, or `override` takes the difference, which is shown and noted in config.json. What killed processes left is
    tidied away.
    """
    if resume and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder and holds no state to resume from; start without --resume")
    with _locked(folder):
        state, overridden = None, []
        if resume:
            state = newest_state(folder, show)
            overridden = _agree(configuration, folder, state, override, show)
        elif states(folder):  # a configuration alone is of a start that failed, and no reason to refuse
            raise _taken(folder)
        try:
            for place in (folder, folder / SAMPLES):
                remove_leftovers(place)
            if state is None:
                forget_states(folder)
            else:
                set_aside_newer(folder, state.step, show)
            _write(configuration, folder, overridden)
        except OSError as error:
            raise _not_writable(folder, error) from error
        yield state


def note_perceptual_file(configuration, folder):
    """Writes config.json again, once the perceptual network of a configuration has been fetched."""
    try:
        _write(configuration, folder, _overridden(folder))
    except OSError as error:
        raise _not_writable(folder, error) from error


def check_start(configuration, folder, resume=False, override=False):
    """Refuses what `open_folder` would, before anything is prepared for the run; writes nothing."""

    def unseen(line):
        """What is told when the folder is opened."""

    if resume:
        _agree(configuration, folder, newest_state(folder, unseen), override, unseen)
    elif states(folder):
        raise _taken(folder)


def _write(configuration, folder, overridden):
    values = {**configuration.to_dict(), **({OVERRIDDEN: overridden} if overridden else {})}
    with whole_file(folder / CONFIGURATION, durable=True) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _taken(folder):
    return UserError(f"{str(folder)!r} holds a run already; add --resume to go on with it or name another --out")


@contextlib.contextmanager
def _locked(folder):
    """The system frees the lock of a process that is killed. Where there are no such locks, nothing is kept out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _not_writable(folder, error) from error
    try:
        try:
            take_lock(lock)
        except BlockingIOError:
            holder = os.read(lock, 20).decode(errors="replace").strip()
            raise UserError(
                f"{str(folder)!r} is being trained in by process {holder}; wait for it or name another --out"
            ) from None
        with contextlib.suppress(OSError):  # a full disk: the number only makes the message above better
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


def _agree(configuration, folder, state, override, show):
    """Refuses a configuration that is not the state's, or takes it; returns all that was overridden in the run."""
    overridden = _overridden(folder)
    began = RunConfiguration.from_dict(state.header.get("configuration"), f"configuration of {folder}")
    expected = binding(began)
    # what was overridden at this state or after it has no state of its own yet, or had one that was lost
    expected |= {entry["key"]: entry["now"] for entry in overridden if entry["step"] >= state.step}
    now = binding(configuration)
    weights = expected.pop(PERCEPTUAL, began.perceptual_file and began.perceptual_file.sha256)
    if weights and configuration.perceptual_file:  # a run from before it was noted, or weights not fetched yet
        expected[PERCEPTUAL], now[PERCEPTUAL] = weights, configuration.perceptual_file.sha256
    differing = sorted(key for key in expected.keys() | now.keys() if expected.get(key) != now.get(key))
    changes = {key: f"{key} was {expected.get(key)!r}, is {now.get(key)!r}" for key in differing}
    if differing and not override:
        raise UserError(
            f"cannot resume {str(folder)!r} with another configuration ({', '.join(changes.values())}); undo that, "
            "take it with --override, or name another --out"
        )
    if state.step > configuration.steps:
        raise UserError(f"{str(folder)!r} is at step {state.step}, past --steps {configuration.steps}")
    for key, told in changes.items():
        show(f"WARNING: overridden from step {state.step} on: {told}")
        overridden.append({"step": state.step, "key": key, "before": expected.get(key), "now": now.get(key)})
    here, there = environment(), state.header["environment"]
    if configuration.deterministic and here != there:
        what = ", ".join(
            f"{name} was {there.get(name)!r}, is {here[name]!r}" for name in here if here[name] != there.get(name)
        )
        show(f"WARNING: the state was saved elsewhere ({what}): from here on the run may differ in its last bits")
    return overridden


def _overridden(folder):
    try:
        return json.loads((folder / CONFIGURATION).read_text(encoding="utf-8")).get(OVERRIDDEN, [])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{str(folder / CONFIGURATION)!r} cannot be read: {error}") from error


def _not_writable(folder, error):
    return UserError(f"{str(folder)!r} cannot be written to ({error.strerror}); name another --out")
