"""States of a run: everything that a resumed run needs, in sealed files, the newest of which count."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import tensorflow as tf

import animegan3_tf
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file
from animegan3_tf.models.checkpoints import weights_of
from animegan3_tf.models.weights import named_weights
from animegan3_tf.models.weights_file import DAMAGE, read_arrays, read_header, write_arrays
from animegan3_tf.training.run_files import STATE_MAGIC, state_name, states, step_of

FORMAT = "animegan3_tf state 1"
# two tails have the first two, a single tail the first; a run on pairs has the last one or none
DISCRIMINATORS = ("support_discriminator", "main_discriminator", "discriminator")
_SEALED_FROM = len(STATE_MAGIC) + hashlib.sha256().digest_size
_USER_BLOCK = 512  # the smallest that HDF5 leaves alone


class DamagedState(UserError):
    """A state file that is not as it was written."""


class HasVariables(Protocol):
    """A trainer: a `GanTrainer`, or any object with its networks, optimizers and step count as attributes."""

    step: tf.Variable

    def local_value(self, variable: tf.Variable) -> np.ndarray:
        """See `GanTrainer`."""

    def set_value(self, variable: tf.Variable, value: np.ndarray) -> None:
        """See `GanTrainer`."""


@dataclass(frozen=True)
class State:
    """The content of a state file.

    Attributes:
        header: Values for JSON, "step" among them.
        arrays: {name: array} of every variable.
    """

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def step(self) -> int:
        """The number of optimizer steps done."""
        return self.header["step"]


def snapshot(trainer: HasVariables, about: Mapping[str, Any] | None = None) -> State:
    """Reads the state of a trainer from its variables.

    Args:
        trainer: The trainer.
        about: Further header entries, such as the run's configuration.

    Returns:
        The state.

    Raises:
        UserError: A variable is not finite.
    """
    arrays = {name: trainer.local_value(variable) for name, variable in _variables(trainer).items()}
    step = int(arrays["step"])
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:  # a step computes its losses before its update, so they cannot show that the update broke a variable
        raise UserError(
            f"step {step}: {broken[0]} and {len(broken) - 1} more variables became NaN or infinite and were not saved; "
            "start a new run with a lower learning rate"
        )
    header = {"format": FORMAT, "step": step, "phase": getattr(trainer, "phase", None), "environment": environment()}
    return State({**header, **(about or {})}, arrays)


def write_state(path: str | os.PathLike[str], state: State) -> None:
    """Writes a state file as a whole or not at all, and waits until it is on the disk."""
    # in memory first: HDF5 does not recover from a disk that fills up while it writes
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_USER_BLOCK) as file:
        file.attrs["header"] = json.dumps(state.header)
        write_arrays(file, state.arrays)
    data = buffer.getbuffer()
    data[: len(STATE_MAGIC)] = STATE_MAGIC
    data[len(STATE_MAGIC) : _SEALED_FROM] = hashlib.sha256(data[_SEALED_FROM:]).digest()
    with whole_file(path, durable=True) as temporary:
        temporary.write_bytes(data)


def read_state(path: str | os.PathLike[str]) -> State:
    """Reads a state file.

    Raises:
        DamagedState: The file is not as `write_state` wrote it.
        UserError: The file may not be read, or has the format of another version.
    """
    data = _unsealed(path)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            header = json.loads(file.attrs["header"])
            if header["format"] != FORMAT:
                raise UserError(f"{str(path)!r} is in format {header['format']!r}; this version reads {FORMAT!r}")
            return State(header, read_arrays(file))
    except DAMAGE as error:
        raise DamagedState(f"{str(path)!r} is not a state file: {error}") from error


def check_state(path: str | os.PathLike[str]) -> None:
    """Raises DamagedState unless the file's bytes are those that `write_state` wrote."""
    _unsealed(path)


def restore_state(state: State, trainer: HasVariables) -> None:
    """Sets every variable of a trainer from a state.

    Args:
        state: The state.
        trainer: The trainer.

    Raises:
        UserError: Names, shapes or types differ; then nothing is set.
    """
    variables, stored = _variables(trainer), state.arrays
    wrong = sorted(stored.keys() ^ variables.keys())
    for name in sorted(stored.keys() & variables.keys()):
        kept, variable = stored[name], variables[name]
        if kept.shape != tuple(variable.shape) or kept.dtype != tf.as_dtype(variable.dtype).as_numpy_dtype:
            wrong.append(name)
    if wrong:
        raise UserError(
            f"the state of step {state.step} does not fit this style: {', '.join(wrong[:5])} ({len(wrong)} in all)"
        )
    for name, variable in variables.items():
        trainer.set_value(variable, stored[name])


def environment() -> dict[str, Any]:
    """Returns what, besides the configuration, decides the bits of a step: versions, devices, threads and oneDNN."""
    return {
        "animegan3_tf": animegan3_tf.__version__,
        "tensorflow": tf.__version__,
        "devices": [device.name for device in tf.config.list_logical_devices()],
        "threads": _threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
    }


def _threads() -> int | None:
    """The number of threads that share an operation on the CPU, as TensorFlow decides it."""
    asked = tf.config.threading.get_intra_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return asked or usable


def _unsealed(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a state file, once they agree with their checksum."""
    try:
        data = Path(path).read_bytes()
    except PermissionError as error:  # the file itself may be sound
        raise UserError(f"state {str(path)!r} cannot be read ({error.strerror}); change its permissions") from error
    except OSError as error:
        raise DamagedState(f"{str(path)!r} cannot be read: {error.strerror}") from error
    view = memoryview(data)
    if view[: len(STATE_MAGIC)] != STATE_MAGIC:
        raise DamagedState(f"{str(path)!r} does not begin like a state file")
    if view[len(STATE_MAGIC) : _SEALED_FROM] != hashlib.sha256(view[_SEALED_FROM:]).digest():
        raise DamagedState(f"{str(path)!r} is cut short or altered: its checksum does not match its bytes")
    return data


def _variables(trainer: HasVariables) -> dict[str, tf.Variable]:
    """{name: variable} of all variables that training changes.

    Those that are in no network or optimizer come from the trainer's `extra_variables`.
    """
    named = {"step": trainer.step}
    networks = ("generator", "average", *DISCRIMINATORS)
    for part in (part for part in networks if hasattr(trainer, part)):
        named |= {f"{part}/{name}": weight for name, weight in named_weights(getattr(trainer, part)).items()}
    optimizers = ("pretrain_optimizer", "generator_optimizer", "discriminator_optimizer")
    for part in (part for part in optimizers if hasattr(trainer, part)):
        # by position: names of optimizer slots differ between Keras versions
        named |= {f"{part}/{i:04d}": v for i, v in enumerate(_slots(getattr(trainer, part)))}
    return named | {f"extra/{name}": v for name, v in getattr(trainer, "extra_variables", {}).items()}


def _slots(optimizer: tf.keras.optimizers.Optimizer) -> list[tf.Variable]:
    """The step count and the moments; the learning rate, which Keras 3 counts in, is the configuration's."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of loss scaling, whose variables are "extra"
    return [variable for variable in optimizer.variables if variable is not getattr(optimizer, "_learning_rate", None)]


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


def newest_state(folder: Path, show: Callable[[str], object] = say) -> State:
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


def set_aside_newer(folder: Path, step: int, show: Callable[[str], object] = say) -> None:
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
