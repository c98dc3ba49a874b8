"""Finds the generators that an ablation compares: the checkpoints of runs, by training step."""

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
    """A deployed generator.

    Attributes:
        source: The file that it was read from.
        header: See `weights_file.read_weights`.
        arrays: See `weights_file.read_weights`.
    """

    source: Path
    header: dict
    arrays: dict[str, np.ndarray]

    @property
    def sha256(self) -> str:
        """A digest of everything that the images depend on: the weights, the architecture and the resizing."""
        digest = hashlib.sha256(repr((self.header.get("architecture"), self.header.get("resize"))).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}\0".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Checkpoint:
    """A training step and the files that hold its generator; any of them will do."""

    step: int
    sources: tuple[Path, ...]

    def read(self, report: Callable[[str], None]) -> Generator | None:
        """Reads the generator from the first file that can be read.

        Args:
            report: Called with a line for each file that cannot be read.

        Returns:
            The generator, or None where no file can be read.
        """
        for source in self.sources:
            try:
                return _read(source, self.step)
            except UserError as error:
                report(str(error))
        return None


@dataclass(frozen=True)
class Run:
    """A run, which is one line in each chart.

    Attributes:
        label: Its name in the report.
        path: The run folder or the file.
        checkpoints: Its checkpoints, steps ascending.
    """

    label: str
    path: Path
    checkpoints: tuple[Checkpoint, ...]


def find_runs(specifications: Sequence[str], report: Callable[[str], None] = lambda line: None) -> list[Run]:
    """Finds the runs that `[NAME=]RUN` specifications name.

    Args:
        specifications: The specifications. Without NAME, the label is the name of the folder, or of the file.
        report: See `find_checkpoints`.

    Returns:
        The runs, in order.

    Raises:
        UserError: Two runs have one label, a label cannot name a folder, or a run has no checkpoint.
    """
    runs: dict[str, Run] = {}
    for specification in specifications:
        label, path = _named(specification)
        if label.casefold() in runs:  # some file systems ignore case
            raise UserError(f"--ablate {label!r} is the label of two runs; rename one with --ablate NAME=RUN")
        runs[label.casefold()] = Run(label, path, find_checkpoints(path, report))
    return list(runs.values())


def find_checkpoints(path: Path, report: Callable[[str], None] = lambda line: None) -> tuple[Checkpoint, ...]:
    """Finds the checkpoints of a run.

    Args:
        path: A run folder, a training state or a weights file.
        report: Called with a line where a run folder's generator.h5 cannot be read but its states are there.

    Returns:
        Every state of a run folder, and its generator.h5; or the file alone. Steps ascending.

    Raises:
        UserError: There is no checkpoint, or a file does not say its step.
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
            report(str(error))
    if not sources:
        raise UserError(f"--ablate {quote(path)} holds no state and no {WEIGHTS}; {_ACCEPTED}")
    return tuple(Checkpoint(step, tuple(sources[step])) for step in sorted(sources))


def _named(specification: str) -> tuple[str, Path]:
    """Reads (label, path) from `[NAME=]RUN`; where the whole is an existing path, its '=' belongs to the path."""
    name, equals, rest = specification.partition("=")
    if not equals or os.path.exists(specification):
        path = Path(specification)
        is_named_for_folder = path.name == WEIGHTS or path.name.startswith("state-")
        named = path.resolve().parent if is_named_for_folder else path.resolve()
        label = named.name if named.is_dir() else named.stem
        label = "".join(c if c.isprintable() else "?" for c in label)  # undecodable bytes too
    else:
        label, path = name.strip(), Path(rest)
        if not path.name:
            raise UserError(f"--ablate {specification!r} names no run; write --ablate NAME=RUN")
    if not label or label.startswith(".") or not label.isprintable() or set(label) & set('/\\:*?"<>|'):
        raise UserError(f"--ablate {specification!r}: {label!r} cannot name a folder; write --ablate NAME=RUN")
    return label, path


def _step(path: Path) -> int:
    """The training step of a state or weights file."""
    step = read_state(path).step if _is_state(path) else read_header(path).get("step")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise UserError(
            f"--ablate {quote(path)} does not say its training step, so curves have no place for it; {_ACCEPTED}"
        )
    return step


def _read(path: Path, step: int) -> Generator:
    if not _is_state(path):
        return Generator(path, *read_weights(path))
    state = read_state(path)
    if state.step != step:
        raise DamagedState(f"{str(path)!r} holds the state of step {state.step}: it was renamed")
    try:
        return Generator(path, *deployed_weights(state))
    except UserError as error:
        raise UserError(f"{str(path)!r} cannot be used: {error}") from None


def _is_state(path: Path) -> bool:
    """Whether a file is a state, or has the name of one."""
    try:
        return path in states(path.parent) or is_state(path)
    except OSError as error:
        raise UserError(f"--ablate {quote(path)} cannot be read ({error.strerror}); {_ACCEPTED}") from None
