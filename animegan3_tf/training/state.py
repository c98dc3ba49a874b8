"""The state of a run in one file with a checksum: all variables that a resumed run needs.

It holds no state of random generators. The order, crops and variations of the images are functions of the seed and the
number of the example (data/dataset.py), and the initial weights are a function of the seed alone.

The bytes: 16 of `_MAGIC`, 32 of sha256 over all that follows, zeros up to 512 (together HDF5's "user block"), then an
HDF5 file with the arrays by name and the attribute "header", a JSON object. HDF5 tools can open the file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
import tensorflow as tf

import animegan3_tf
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.networks.weights import named_weights
from animegan3_tf.weights_file import DAMAGE, read_arrays, write_arrays

FORMAT = "animegan3_tf state 1"
# two tails have the first two, a single tail the first; a run on pairs has the last one or none
DISCRIMINATORS = ("support_discriminator", "main_discriminator", "discriminator")
_MAGIC = b"AnimeGANv3 state"
_SEALED_FROM = len(_MAGIC) + hashlib.sha256().digest_size
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
    data[: len(_MAGIC)] = _MAGIC
    data[len(_MAGIC) : _SEALED_FROM] = hashlib.sha256(data[_SEALED_FROM:]).digest()
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


def is_state(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins like a state file; `read_state` also checks the rest of it."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


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
        if kept.shape != tuple(variable.shape) or kept.dtype != variable.dtype.as_numpy_dtype:
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
    if view[: len(_MAGIC)] != _MAGIC:
        raise DamagedState(f"{str(path)!r} does not begin like a state file")
    if view[len(_MAGIC) : _SEALED_FROM] != hashlib.sha256(view[_SEALED_FROM:]).digest():
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
        named |= {f"{part}/{i:04d}": v for i, v in enumerate(getattr(trainer, part).variables)}
    return named | {f"extra/{name}": v for name, v in getattr(trainer, "extra_variables", {}).items()}
