"""The state of a run as one file: everything a resumed run needs, sealed so that any damage shows before it is used.

What is not in it needs not be: the order, crops and variations of the pictures are functions of the seed and the number
of the example (data/dataset.py), and the first weights of the seed alone, so there is no generator of random numbers
whose state could be lost.

The bytes: 16 of `_MAGIC`, 32 of sha256 over all that follows, zeros up to 512 (together HDF5's "user block"), then an
HDF5 file with the arrays by name and the attribute "header", a JSON object. HDF5 tools open it as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

import animegan3_tf
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.networks.weights import named_weights
from animegan3_tf.weights_file import DAMAGE, read_arrays, write_arrays

FORMAT = "animegan3_tf state 1"
# two tails have the first two, a single tail the first, a run on pairs the last, if any
DISCRIMINATORS = ("support_discriminator", "main_discriminator", "discriminator")
_MAGIC = b"AnimeGANv3 state"
_SEALED_FROM = len(_MAGIC) + hashlib.sha256().digest_size
_USER_BLOCK = 512  # the smallest that HDF5 leaves alone


class DamagedState(UserError):
    """A state file that is not as it was written."""


@dataclass(frozen=True)
class State:
    """What a state file holds: a JSON-able header with "step", and the arrays of every variable by name."""

    header: dict
    arrays: dict

    @property
    def step(self):
        """Optimizer steps done."""
        return self.header["step"]


def snapshot(trainer, about=None):
    """The state of a trainer, read from its variables.

    about: header entries, such as the run's configuration. Raises UserError when a variable is not finite.
    """
    arrays = {name: trainer.local_value(variable) for name, variable in _variables(trainer).items()}
    step = int(arrays["step"])
    broken = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if broken:  # a step's losses are of the weights before it: they cannot show what its update broke
        raise UserError(
            f"step {step}: {broken[0]} and {len(broken) - 1} more variables became NaN or infinite and were not saved; "
            "start a new run with a lower learning rate"
        )
    header = {"format": FORMAT, "step": step, "phase": getattr(trainer, "phase", None), "environment": environment()}
    return State({**header, **(about or {})}, arrays)


def write_state(path, state):
    """Writes a state file, whole or not at all, and waits until the disk has it."""
    # in memory first: HDF5 does not get over a disk that fills up under it
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", userblock_size=_USER_BLOCK) as file:
        file.attrs["header"] = json.dumps(state.header)
        write_arrays(file, state.arrays)
    data = buffer.getbuffer()
    data[: len(_MAGIC)] = _MAGIC
    data[len(_MAGIC) : _SEALED_FROM] = hashlib.sha256(data[_SEALED_FROM:]).digest()
    with whole_file(path, durable=True) as temporary:
        temporary.write_bytes(data)


def read_state(path):
    """The state in a file. DamagedState says what is wrong with one that is not as `write_state` left it."""
    data = _unsealed(path)
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            header = json.loads(file.attrs["header"])
            if header["format"] != FORMAT:
                raise UserError(f"{str(path)!r} is in format {header['format']!r}; this version reads {FORMAT!r}")
            return State(header, read_arrays(file))
    except DAMAGE as error:
        raise DamagedState(f"{str(path)!r} is not a state file: {error}") from error


def check_state(path):
    """Raises DamagedState unless the file's bytes are those that `write_state` wrote."""
    _unsealed(path)


def is_state(path):
    """Whether a file begins like a state file; whether it is whole, `read_state` tells."""
    with open(path, "rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def restore_state(state, trainer):
    """Sets every variable of `trainer` from a state; nothing is set unless all of them fit."""
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


def environment():
    """What the bits of a step depend on beside the configuration."""
    return {
        "animegan3_tf": animegan3_tf.__version__,
        "tensorflow": tf.__version__,
        "devices": [device.name for device in tf.config.list_logical_devices()],
        "threads": _threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
    }


def _threads():
    """How many threads share an operation on the CPU, as TensorFlow decides it."""
    asked = tf.config.threading.get_intra_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return asked or usable


def _unsealed(path):
    try:
        data = Path(path).read_bytes()
    except PermissionError as error:  # its bytes may be well
        raise UserError(f"state {str(path)!r} cannot be read ({error.strerror}); give yourself the right to") from error
    except OSError as error:
        raise DamagedState(f"{str(path)!r} cannot be read: {error.strerror}") from error
    view = memoryview(data)
    if view[: len(_MAGIC)] != _MAGIC:
        raise DamagedState(f"{str(path)!r} does not begin like a state file")
    if view[len(_MAGIC) : _SEALED_FROM] != hashlib.sha256(view[_SEALED_FROM:]).digest():
        raise DamagedState(f"{str(path)!r} is cut short or altered: its bytes do not add up to their checksum")
    return data


def _variables(trainer):
    """Every variable that training changes, under a name of its own.

    A trainer with more of them than this list names them in `extra_variables`, {name: variable}.
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
