"""The folder of a run: a lock against other processes, and the check that a resumed run goes on as it began."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import remove_leftovers, take_lock, whole_file
from animegan3_tf.training.configuration import OVERRIDDEN, PERCEPTUAL, RunConfiguration, binding
from animegan3_tf.training.run_files import CONFIGURATION, states
from animegan3_tf.training.state import State, environment, forget_states, newest_state, set_aside_newer

LOCK = "run.lock"
SAMPLES = "samples"


@contextlib.contextmanager
def open_folder(
    configuration: RunConfiguration,
    folder: Path,
    resume: bool = False,
    override: bool = False,
    show: Callable[[str], object] = print,
) -> Iterator[State | None]:
    """Opens a run folder for training, for the time of a `with` block.

    It keeps other training processes out, removes temporary files of killed processes, and writes the configuration.

    Args:
        configuration: That of the run.
        folder: The run folder; it is made if it is missing.
        resume: Begin with the newest state. The configuration must agree with that of the state.
        override: Accept a configuration that differs. The differences are shown and recorded in config.json.
        show: Receives warnings.

    Yields:
        The state to begin with, or None for a new run.

    Raises:
        UserError: Another process trains in the folder, the folder cannot be written to, a new run would overwrite an
            old one, or there is no state to resume from or one of another configuration.
    """
    if resume and not folder.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder and holds no state to resume from; start without --resume")
    with _locked(folder):
        state, overridden = None, []
        if resume:
            state = newest_state(folder, show)
            overridden = _agree(configuration, folder, state, override, show)
        elif states(folder):  # a configuration without states is left by a start that failed, and may be replaced
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


def note_perceptual_file(configuration: RunConfiguration, folder: Path) -> None:
    """Writes config.json again, after the perceptual network of a configuration has been fetched."""
    try:
        _write(configuration, folder, _overridden(folder))
    except OSError as error:
        raise _not_writable(folder, error) from error


def check_start(configuration: RunConfiguration, folder: Path, resume: bool = False, override: bool = False) -> None:
    """Raises the UserError that `open_folder` would raise, before anything is prepared for the run; writes nothing.

    Args:
        configuration: See `open_folder`.
        folder: See `open_folder`.
        resume: See `open_folder`.
        override: See `open_folder`.
    """

    def ignore(line: str) -> None:
        """Drops a warning, since `open_folder` will show it."""

    if resume:
        _agree(configuration, folder, newest_state(folder, ignore), override, ignore)
    elif states(folder):
        raise _taken(folder)


def _write(configuration: RunConfiguration, folder: Path, overridden: Sequence[dict[str, Any]]) -> None:
    values = {**configuration.to_dict(), **({OVERRIDDEN: overridden} if overridden else {})}
    with whole_file(folder / CONFIGURATION, durable=True) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _taken(folder: Path) -> UserError:
    return UserError(f"{str(folder)!r} holds a run already; add --resume to go on with it or name another --out")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Locks a run folder for the time of a `with` block.

    The system frees the lock of a process that is killed. Where the system has no such locks, no process is kept out.
    """
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
        with contextlib.suppress(OSError):  # a full disk: the number only improves the message above
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(lock)


def _agree(
    configuration: RunConfiguration, folder: Path, state: State, override: bool, show: Callable[[str], object]
) -> list[dict[str, Any]]:
    """Compares a configuration with that of a state.

    Returns:
        All settings that were overridden in the run, {"step", "key", "before", "now"} each.

    Raises:
        UserError: They differ, and `override` is False.
    """
    overridden = _overridden(folder)
    began = RunConfiguration.from_dict(state.header.get("configuration"), f"configuration of {folder}")
    expected = binding(began)
    # settings that were overridden at this state or later are not in its header
    expected |= {entry["key"]: entry["now"] for entry in overridden if entry["step"] >= state.step}
    now = binding(configuration)
    weights = expected.pop(PERCEPTUAL, began.perceptual_file and began.perceptual_file.sha256)
    if weights and configuration.perceptual_file:  # missing in runs of earlier versions, or if not fetched yet
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
    for key, change in changes.items():
        show(f"WARNING: overridden from step {state.step} on: {change}")
        overridden.append({"step": state.step, "key": key, "before": expected.get(key), "now": now.get(key)})
    here, there = environment(), state.header["environment"]
    if configuration.deterministic and here != there:
        what = ", ".join(
            f"{name} was {there.get(name)!r}, is {here[name]!r}" for name in here if here[name] != there.get(name)
        )
        show(
            f"WARNING: the state was saved in another environment ({what}): from here on the run may differ in its "
            "last bits"
        )
    return overridden


def _overridden(folder: Path) -> list[dict[str, Any]]:
    try:
        return json.loads((folder / CONFIGURATION).read_text(encoding="utf-8")).get(OVERRIDDEN, [])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{str(folder / CONFIGURATION)!r} cannot be read: {error}") from error


def _not_writable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{str(folder)!r} cannot be written to ({error.strerror}); name another --out")
