"""Which generators an ablation compares: the checkpoints of runs, by their training step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.checkpoints import WEIGHTS
from animegan3_tf.errors import UserError
from animegan3_tf.images import quote
from animegan3_tf.training.deployed import deployed_weights
from animegan3_tf.training.run_files import states, step_of
from animegan3_tf.training.state import DamagedState, is_state, read_state
from animegan3_tf.weights_file import read_header, read_weights

_ACCEPTED = "name a run folder, a state or a weights file (.h5)"


@dataclass(frozen=True)
class Generator:
    """A deployed generator, header and arrays as `weights_file.read_weights` gives them, and the file it came from."""

    source: Path
    header: dict
    arrays: dict[str, np.ndarray]

    @property
    def sha256(self) -> str:
        """The same for the same pictures: of the numbers and of how they are used, not of what else the header says."""
        digest = hashlib.sha256(repr((self.header.get("architecture"), self.header.get("resize"))).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A training step and the files that hold its generator, any of which will do."""

    step: int
    sources: tuple[Path, ...]

    def read(self, tell: Callable[[str], None]) -> Generator | None:
        """The generator; None when no file gives it. tell: receives a line for each that cannot be read."""
        for source in self.sources:
            try:
                return _read(source, self.step)
            except UserError as error:
                tell(str(error))
        return None


@dataclass(frozen=True)
class Run:
    """One line of the curves: its label, where it is, and its checkpoints, earliest first."""

    label: str
    path: Path
    checkpoints: tuple[Checkpoint, ...]


def find_runs(specifications: Sequence[str], tell: Callable[[str], None] = lambda line: None) -> list[Run]:
    """The runs that `[NAME=]RUN` specifications name, in order; see `find_checkpoints`.

    The label is by default the folder's name, or the file's. Raises UserError for two of one label, which would share
    a folder of pictures too, and for a label that cannot name a folder.
    """
    runs = {}
    for specification in specifications:
        label, path = _named(specification)
        if label.casefold() in runs:  # some file systems have no case
            raise UserError(f"--ablate {label!r} is the label of two runs; give one another with --ablate NAME=RUN")
        runs[label.casefold()] = Run(label, path, find_checkpoints(path, tell))
    return list(runs.values())


def find_checkpoints(path: Path, tell: Callable[[str], None] = lambda line: None) -> tuple[Checkpoint, ...]:
    """Every state that a run folder keeps, and its generator.h5 where that is of another step; or a file on its own.

    tell: receives a line where generator.h5 cannot be read beside states. Raises UserError when there is nothing.
    """
    if not path.exists():
        raise UserError(f"--ablate {quote(path)} does not exist; {_ACCEPTED}")
    if not path.is_dir():
        return (Checkpoint(_step(path), (path,)),)
    sources = {step_of(state): [state] for state in states(path)}
    weights = path / WEIGHTS
    if weights.is_file():
        try:
            sources.setdefault(_step(weights), []).append(weights)
        except UserError as error:
            if not sources:
                raise
            tell(str(error))
    if not sources:
        raise UserError(f"--ablate {quote(path)} holds no state and no {WEIGHTS}; {_ACCEPTED}")
    return tuple(Checkpoint(step, tuple(sources[step])) for step in sorted(sources))


def _named(specification):
    """(label, path) of `[NAME=]RUN`; a path that exists with its '=' has no name before it."""
    name, equals, path = specification.partition("=")
    if not equals or os.path.exists(specification):
        path = Path(specification)
        is_named_for_folder = path.name == WEIGHTS or path.name.startswith("state-")
        named = path.resolve().parent if is_named_for_folder else path.resolve()
        label = named.name if named.is_dir() else named.stem
        label = "".join(c if c.isprintable() else "?" for c in label)  # undecodable bytes too
    else:
        label, path = name.strip(), Path(path)
        if not path.name:
            raise UserError(f"--ablate {specification!r} names no run; write --ablate NAME=RUN")
    if not label or label.startswith(".") or not label.isprintable() or set(label) & set('/\\:*?"<>|'):
        raise UserError(f"--ablate {specification!r}: {label!r} cannot name a folder; write --ablate NAME=RUN")
    return label, path


def _step(path):
    """The training step of a state or weights file."""
    step = read_state(path).step if _is_state(path) else read_header(path).get("step")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise UserError(f"--ablate {quote(path)} does not say its training step, so no curve has a place for it")
    return step


def _read(path, step):
    if not _is_state(path):
        return Generator(path, *read_weights(path))
    state = read_state(path)
    if state.step != step:
        raise DamagedState(f"{str(path)!r} holds the state of step {state.step}: it was renamed")
    try:
        return Generator(path, *deployed_weights(state))
    except UserError as error:
        raise UserError(f"{str(path)!r} cannot be used: {error}") from None


def _is_state(path):
    """Whether a file is a state, or was one by its name."""
    try:
        return path in states(path.parent) or is_state(path)
    except OSError as error:
        raise UserError(f"--ablate {quote(path)} cannot be read ({error.strerror}); {_ACCEPTED}") from None
