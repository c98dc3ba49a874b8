"""A run folder: locked, checked and written; and the weights that a run begins with."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import remove_leftovers, sha256_of, take_lock, whole_file
from animegan3_tf.models.checkpoints import WEIGHTS, by_name
from animegan3_tf.models.model import WEIGHTS_KIND, Model, kind_of, open_model
from animegan3_tf.models.weights import misfits, named_weights
from animegan3_tf.models.weights_file import read_weights
from animegan3_tf.styles.style import PAIRS, UNPAIRED, Style
from animegan3_tf.training.configuration import OVERRIDDEN, PERCEPTUAL, Origin, RunConfiguration, binding
from animegan3_tf.training.run_files import CONFIGURATION, is_state, read_configuration, state_name, states
from animegan3_tf.training.state import (
    DISCRIMINATORS,
    State,
    environment,
    forget_states,
    newest_state,
    read_state,
    set_aside_newer,
)
from animegan3_tf.training.trainer import GanTrainer


def deployed_weights(state: State) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Extracts the weights of the averaged generator, without its support tail.

    No network is built. The header leaves out the epsilons, which are the architecture's own.

    Args:
        state: A training state.

    Returns:
        Header and arrays by name, as `weights_file.read_weights` returns them for the run's `generator.h5` of that
        step.

    Raises:
        UserError: The state's header does not describe its run.
    """
    try:
        configuration = state.header["configuration"]
        style = configuration["style"]
        header = {
            "architecture": style.get("generator", "animegan3"),
            "resize": style["train"]["resize"],
            "style": style["name"],
            "perceptual": configuration["perceptual"],
            "version": state.header["environment"]["animegan3_tf"],
            "step": state.step,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the state of step {state.step} does not describe its run: {error} is missing") from None
    average = _below("average", state.arrays)
    return header, {name: array for name, array in average.items() if not name.startswith("support_")}


@dataclass(frozen=True)
class InitialWeights:
    """The weights that a run begins with.

    Attributes:
        source: The file that they come from.
        parts: {part of the trainer: {weight name: array}}; the parts are "average" and any discriminators.
    """

    source: str
    parts: dict[str, dict[str, np.ndarray]]

    def give(self, trainer: GanTrainer) -> None:
        """Sets the generator, its average and the discriminators; optimizers, step and the rest stay as built.

        The generator's moving moments stay as built too, because its average removes their initial values counting from
        step 0 (ema.py).

        Args:
            trainer: The trainer, at step 0.

        Raises:
            UserError: A part does not fit; then nothing is set.
        """
        targets = {part: named_weights(getattr(trainer, part)) for part in self.parts}
        problems = [f"{part}: {problem}" for part in self.parts for problem in misfits(targets[part], self.parts[part])]
        if problems:
            raise UserError(f"--init {self.source!r} does not fit this run: {'; '.join(problems)}")
        for part, arrays in self.parts.items():
            for name, array in arrays.items():
                trainer.set_value(targets[part][name], array.astype("float32"))
        for name, weight in named_weights(trainer.generator).items():
            if not name.endswith(("moving_mean", "moving_variance")):
                trainer.set_value(weight, self.parts["average"][name].astype("float32"))


def find_origin(source: str | os.PathLike[str], show: Callable[[str], object] = say) -> Origin:
    """Finds the file that a run's initial weights come from.

    Args:
        source: A state, a weights file, a published generator, the name of a shipped checkpoint, or a run folder, which
            stands for its newest state or, without states, for its generator.h5.
        show: Receives warnings about damaged states.

    Returns:
        The file and its sha256.

    Raises:
        UserError: There is no such file, or it is a published generator of an unknown network.
    """
    path = by_name(source)
    if path.is_dir():
        path /= state_name(newest_state(path, show).step) if states(path) else WEIGHTS
    if _is_of_another_kind(path):
        return Origin(str(path), _with_network(path).sha256)
    try:
        return Origin(str(path), sha256_of(path))
    except OSError as error:
        raise UserError(
            f"--init {str(source)!r} cannot be used: {str(path)!r}: {error.strerror}; name a run folder, a state "
            "file, a weights file (.h5) or a published generator"
        ) from error


def _is_of_another_kind(path: Path) -> bool:
    """Whether a path is that of a model, but of neither a weights file nor a state, which are read as arrays."""
    return kind_of(path) not in (None, WEIGHTS_KIND)


def _with_network(path: Path) -> Model:
    """Opens a model that is a Keras network, once for all who ask while the file stays as it is."""
    return _opened(path, path.stat().st_mtime_ns if path.exists() else 0)


@functools.lru_cache(maxsize=1)
def _opened(path: Path, changed: int) -> Model:
    model = open_model(path)
    if model.network is None:
        raise UserError(f"--init {str(path)!r} fits none of the networks; `animegan3 import` says why")
    return model


def read_initial(configuration: RunConfiguration) -> InitialWeights:
    """Reads the weights that a configuration's `init` names.

    A state gives the averaged generator with its tails and, if its style has the objective of this one, the
    discriminators. A weights file gives base and main tail. If the style trains a support tail and the file has none,
    the support tail starts from the main tail's weights, which have the same shapes.

    Args:
        configuration: A configuration whose `init` is set.

    Returns:
        The weights.

    Raises:
        UserError: The file has changed since the configuration was made, is damaged, or holds a generator of another
            generation or one trained with another resize.
    """
    assert configuration.init is not None
    path, style = configuration.init.path, configuration.style
    resize = style.train.resize
    if find_origin(path).sha256 != configuration.init.sha256:
        raise UserError(f"--init {path!r} has changed since this run was configured; start again")
    parts: dict[str, dict[str, np.ndarray]] = {}
    if is_state(path):
        state = read_state(path)
        trained = state.header["configuration"]["style"]
        architecture, before = trained.get("generator", "animegan3"), trained["train"]["resize"]
        arrays = _below("average", state.arrays)
        if trained.get("objective", UNPAIRED) == style.objective:
            parts = {part: _below(part, state.arrays) for part in DISCRIMINATORS}
            discriminated = style.objective == UNPAIRED or style.pairs.discriminator
            parts = {part: arrays for part, arrays in parts.items() if arrays and discriminated}
    else:
        header, arrays = _generator(path)
        architecture, before = header.get("architecture"), header.get("resize")
    parts["average"] = _as_trained(style, arrays)
    if architecture != style.generator:
        raise UserError(
            f"--init {path!r} is of architecture {architecture!r}, style {style.name!r} trains {style.generator!r}; "
            f"name a style whose generator is {architecture!r}, or other weights"
        )
    if before != resize:
        raise UserError(
            f"--init {path!r} was trained with resize {before!r}, this style has {resize!r}; add --set train.resize="
            f"{before}"
        )
    return InitialWeights(path, parts)


def _as_trained(style: Style, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A generator's arrays with the tails that the style trains."""
    support = {name: array for name, array in arrays.items() if name.startswith("support_")}
    if style.objective == PAIRS:
        return {name: array for name, array in arrays.items() if name not in support}
    main = {name: array for name, array in arrays.items() if name.startswith("main_")}
    return {**arrays, **(support or {f"support_{name[len('main_') :]}": array for name, array in main.items()})}


def _generator(path: str) -> tuple[Mapping[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a weights file or of a published generator."""
    if not _is_of_another_kind(Path(path)):
        return read_weights(path)
    opened = _with_network(Path(path))
    return opened.header, {name: weight.numpy() for name, weight in named_weights(opened.network).items()}


def _below(part: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name[len(part) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{part}/")}


LOCK = "run.lock"
SAMPLES = "samples"


@contextlib.contextmanager
def open_folder(
    configuration: RunConfiguration,
    folder: Path,
    resume: bool = False,
    override: bool = False,
    show: Callable[[str], object] = say,
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


def read_stored(folder: Path, show: Callable[[str], object] = print) -> RunConfiguration:
    """Reads the configuration of a run that is to be resumed.

    Args:
        folder: The run folder.
        show: Receives a warning where config.json is lost or damaged, and the copy in the newest state takes its place.

    Raises:
        UserError: There is neither.
    """
    try:
        _overridden(folder)
        return RunConfiguration.read(folder)
    except UserError as error:
        if not states(folder):
            raise
        state = newest_state(folder, _ignore)
        configuration = _began(state, folder)
        lost = not (folder / CONFIGURATION).exists()
        reason = f"{quote(folder / CONFIGURATION)} is gone" if lost else error
        show(f"WARNING: {reason}; the configuration in {state_name(state.step)!r} is used, settings given now apply")
        return configuration


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
    if resume:
        _agree(configuration, folder, newest_state(folder, _ignore), override, _ignore)
    elif states(folder):
        raise _taken(folder)


def _ignore(line: str) -> None:
    """Drops a warning, since `open_folder` will show it."""


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
    overridden: list[dict[str, Any]] = []
    with contextlib.suppress(UserError):  # `read_stored` has said so
        overridden = _overridden(folder)
    began = _began(state, folder)
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
        changed = [name for name in here if here[name] != there.get(name)]
        what = ", ".join(f"{name} was {there.get(name)!r}, is {here[name]!r}" for name in changed)
        show(
            f"WARNING: the state was saved in another environment ({what}): from here on the run may differ in its "
            "last bits"
        )
    return overridden


def _began(state: State, folder: Path) -> RunConfiguration:
    return RunConfiguration.from_dict(state.header.get("configuration"), f"configuration of {folder}")


def _overridden(folder: Path) -> list[dict[str, Any]]:
    if not (folder / CONFIGURATION).exists():
        return []
    entries = read_configuration(folder).get(OVERRIDDEN, [])
    if not isinstance(entries, list) or not all(map(_is_override, entries)):
        raise UserError(f"{quote(folder / CONFIGURATION)} cannot be read: {OVERRIDDEN!r} does not list settings")
    return entries


def _is_override(entry: Any) -> bool:
    whole = isinstance(entry, dict) and {"step", "key", "before", "now"} <= entry.keys()
    return whole and isinstance(entry["step"], int) and isinstance(entry["key"], str)


def _not_writable(folder: Path, error: OSError) -> UserError:
    return UserError(f"{str(folder)!r} cannot be written to ({error.strerror}); name another --out")
