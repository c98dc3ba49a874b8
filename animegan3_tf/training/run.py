"""Trains a run from its first or its last saved step to its end."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import gen_math_ops  # no public way leads to what the tape adds with

import animegan3_tf
from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file
from animegan3_tf.models.perceptual import load_perceptual, perceptual_family
from animegan3_tf.styles.style import PAIRS, UNPAIRED
from animegan3_tf.training.callbacks import Checkpoints, Scalars, StopOnSignal
from animegan3_tf.training.collapse import Collapse
from animegan3_tf.training.configuration import RunConfiguration, binding_digest, resolve_steps, with_perceptual_file
from animegan3_tf.training.distribution import Distribution, check_shares, choose_distribution, policy
from animegan3_tf.training.objectives import PairedObjective, UnpairedObjective
from animegan3_tf.training.run_files import states
from animegan3_tf.training.run_folder import SAMPLES, note_perceptual_file, open_folder, read_initial
from animegan3_tf.training.state import State, restore_state, save_state, snapshot
from animegan3_tf.training.validation import to_levels
from animegan3_tf.training.watch import RunMonitor, SilentMonitor

if TYPE_CHECKING:
    import os

    from animegan3_tf.training.trainer import Failure, GanTrainer


def report_failure(folder: Path, failure: Failure, configuration: RunConfiguration, worker: int = 0) -> UserError:
    """Writes `failure-<step>/` into the run folder.

    It holds batch.npz (the images as the networks got them, in [-1, 1]), batch.png (one row per example, one column per
    part of the batch) and values.json (every loss term, gradient norm and learning rate of the step).

    Args:
        folder: The run folder.
        failure: What the guard kept of the step.
        configuration: That of the run, which decides the remedy.
        worker: The number of this process in a run on several hosts; if not 0, the folder's name contains it.

    Returns:
        The error that describes the failure, for the caller to raise.
    """
    step = failure.step + 1
    place = folder / (f"failure-{step:06d}" + (f"-worker{worker}" if worker else ""))
    message = f"step {step}: {_cause(failure)} and the run stopped; "
    try:
        place.mkdir(parents=True, exist_ok=True)
        # by an open file: NumPy adds .npz to a name that lacks it
        with whole_file(place / "batch.npz") as temporary, open(temporary, "wb") as file:
            batch: dict[str, Any] = {**failure.batch}  # typed so that NumPy 2's own options may be among the names
            np.savez_compressed(file, **batch)
        with whole_file(place / "values.json") as temporary:
            values = {k: v if np.isfinite(v) else str(v) for k, v in failure.values.items()}
            temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        columns = [np.nan_to_num(part, posinf=1.0, neginf=-1.0) for part in failure.batch.values()]
        images.write_image(place / "batch.png", images.grid([[to_levels(i) for i in row] for row in zip(*columns)]))
        message += f"its batch is in {str(place)!r}; "
    except OSError as error:
        message += f"its batch could not be written ({error}); "
    found = states(folder)
    message += f"the last good checkpoint is {str(found[-1])!r}" if found else "there is no checkpoint yet"
    return UserError(f"{message}. Possible remedy: {_remedy(failure, configuration, found)}")


def _cause(failure: Failure) -> str:
    rates = [name for name in failure.causes if name.endswith("_learning_rate")]
    if failure.broken_images:
        return f"the batch's {', '.join(failure.broken_images)} held NaN or infinite values"
    return f"{', '.join(rates or failure.causes)} became NaN or infinite"


def _remedy(failure: Failure, configuration: RunConfiguration, found: Sequence[Path]) -> str:
    start = "--resume" if found else "start again"
    if failure.broken_images:
        return f"look at the images of that batch and their prepared targets, repair or remove them, then {start}"
    if any(name.endswith("_learning_rate") for name in failure.causes):
        return "a finite learning rate (train.*_learning_rate of the style), with --resume --override"
    lower = "a lower learning rate (--set train.generator_learning_rate=..., with --resume --override)"
    if configuration.precision != "float32":
        return f"training without --mixed-precision (with --resume --override), or {lower}"
    return f"{lower}, or lower weights of the terms that grew"


__all__ = ["RunConfiguration", "RunResult", "resolve_steps", "train"]

RunObjective = Union[UnpairedObjective, PairedObjective]
OBJECTIVES: dict[str, Callable[..., RunObjective]] = {UNPAIRED: UnpairedObjective, PAIRS: PairedObjective}


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        step: The last step done.
        stopped_by: The number of the signal that stopped it before its last step, or None.
        grid: The path of the last image grid; None on workers that are not the chief.
        collapse: Says that the generator had collapsed at the end; else "".
    """

    step: int
    stopped_by: int | None
    grid: Path | None
    collapse: str = ""


def train(
    configuration: RunConfiguration,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    override: bool = False,
    keep_going: bool = False,
    show: Callable[[str], object] = print,
    write_page: Callable[[str | os.PathLike[str]], object] | None = None,
) -> RunResult:
    """Trains until the configuration's steps are done, or a signal asks to stop.

    Call it in the main thread, where signals arrive, and below an `if __name__ == "__main__"` guard, because spawned
    processes compute the superpixels. A deterministic run makes the whole process deterministic; TensorFlow cannot
    switch that off again.

    Args:
        configuration: That of the run.
        folder: The run folder; it is made if it is missing.
        resume: Go on from the newest undamaged state in the folder. Otherwise it must not hold any state.
        override: Let a resumed run take a configuration that differs from the one it began with.
        keep_going: Go on after a collapse, see `Collapse`.
        show: Receives the console's lines.
        write_page: Called with the folder at the end of the run, however it ends, to write its report page.

    Returns:
        How the run ended.

    Raises:
        UserError: Bad input, a step that is not finite, or a generator that has collapsed.
    """
    folder, configuration = Path(folder), with_perceptual_file(configuration, fetch=False)
    if configuration.deterministic:
        compute_the_same_bits()
    distribution = choose_distribution()
    check_shares(configuration.style.batch_sizes, distribution.replicas, configuration.accumulate)
    with distribution.contact():
        distribution.check_same(binding_digest(configuration))
        if not distribution.chief:
            silent = SilentMonitor(distribution.worker, show)
            return _train(configuration, folder, None, silent, distribution, keep_going)
    with open_folder(configuration, folder, resume, override, show) as start:
        resumed_at = None if start is None else start.step
        with RunMonitor(configuration, folder, resumed_at, show, write_page) as monitor, distribution.contact():
            result = _train(configuration, folder, start, monitor, distribution, keep_going)
            monitor.ended(result)
        return result


def compute_the_same_bits() -> None:
    """Makes every operation of this process give the same bits each time on the same machine.

    TensorFlow's own switch leaves one out: AddN adds first what no other operation still reads, so the order of three
    or more summands is that of chance. Gradients of what is used three times come from it, and the graph optimiser
    makes it of chains of additions. Here pairs are added instead, in the order that AddN has without a rival.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    gen_math_ops.add_n = _add_in_order


def _add_in_order(inputs: Sequence[tf.Tensor], name: str | None = None) -> tf.Tensor:
    return functools.reduce(tf.add, inputs) if len(inputs) > 1 else tf.identity(inputs[0], name)


def _train(
    configuration: RunConfiguration,
    folder: Path,
    start: State | None,
    monitor: RunMonitor | SilentMonitor,
    distribution: Distribution,
    keep_going: bool,
) -> RunResult:
    # the user's files are checked first, since the perceptual network may have to be fetched
    begins = start is None and distribution.chief
    initial = read_initial(configuration) if begins and configuration.init is not None else None
    objective = OBJECTIVES[configuration.style.objective](configuration, distribution.chief, monitor.warn, monitor.show)
    if configuration.perceptual_file is None:
        configuration = with_perceptual_file(configuration)
        if distribution.chief and configuration.perceptual_file is not None:
            note_perceptual_file(configuration, folder)
    # a generator that one worker runs and saves alone cannot have variables that all of them share
    plain = objective.plain_generator() if distribution.replicas > 1 else None
    tf.keras.utils.set_random_seed(configuration.seed)
    with contextlib.ExitStack() as stack:
        with policy(configuration.precision), distribution.strategy.scope():
            family = perceptual_family(configuration.perceptual)
            network = load_perceptual(configuration.perceptual, objective.taps(family))
            trainer = objective.trainer(network, plain, stack)
        if start is not None:
            restore_state(start, trainer)
        elif initial is not None:
            initial.give(trainer)
        if distribution.workers > 1:
            _begin_together(trainer, distribution)
        stop = stack.enter_context(StopOnSignal(distribution.total).installed())
        try:
            collapse = Collapse(folder, monitor.warn, keep_going)
            return _run_phases(configuration, folder, trainer, objective, stop, collapse, monitor, distribution)
        except (tf.errors.OpError, FloatingPointError) as error:  # the guard's, from a graph and from eager steps
            if trainer.guard.failure is None:
                raise
            raise report_failure(folder, trainer.guard.failure, configuration, distribution.worker) from error


def _begin_together(trainer: GanTrainer, distribution: Distribution) -> None:
    """Gives every worker the chief's variables, which the chief may have read from a file."""
    state = snapshot(trainer)
    arrays = distribution.of_chief(list(state.arrays.values()))
    restore_state(State(state.header, dict(zip(state.arrays, arrays))), trainer)


def _run_phases(
    configuration: RunConfiguration,
    folder: Path,
    trainer: Any,  # the one that `objective` built
    objective: RunObjective,
    stop: StopOnSignal,
    collapse: Collapse,
    monitor: RunMonitor | SilentMonitor,
    distribution: Distribution,
) -> RunResult:
    """Trains through the phases; the chief also validates and saves."""
    if not distribution.chief:
        _fit(trainer, objective, stop, [collapse, stop], distribution)
        return RunResult(trainer.steps_done, stop.asked(), None)
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    metadata["architecture"] = style.generator
    objective.note(folder)
    samples = objective.validation(trainer, folder / SAMPLES, logs, monitor.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    scalars = Scalars(configuration.log_every, logs)
    more = objective.callbacks(trainer, monitor.warn)
    callbacks = [*monitor.callbacks, scalars, *more, collapse, checkpoints, samples, stop]
    _fit(trainer, objective, stop, callbacks, distribution)
    step, stopped_by = trainer.steps_done, stop.asked()
    if checkpoints.acted != step:
        checkpoints.save(trainer)
    if samples.acted != step:  # the file may exist from an earlier start, so its presence says nothing
        samples.draw(trainer, step)
    stopped_by = stopped_by if step < configuration.steps else None
    return RunResult(step, stopped_by, samples.path(step), collapse.said)


def _fit(
    trainer: GanTrainer,
    objective: RunObjective,
    stop: StopOnSignal,
    callbacks: Sequence[tf.keras.callbacks.Callback],
    distribution: Distribution,
) -> None:
    for phase, end in objective.phases:
        remaining = end - trainer.steps_done
        if remaining <= 0 or stop.asked() is not None:
            continue
        trainer.enter_phase(phase)
        batches = distribution.distribute(objective.data, trainer.steps_done)
        trainer.fit(batches, steps_per_epoch=remaining, epochs=1, verbose=0, callbacks=callbacks, shuffle=False)


def _saving(configuration: RunConfiguration, folder: Path) -> Callable[[GanTrainer], Path]:
    """Returns the function that saves a trainer's state, with a header that describes the run."""

    def save(trainer: GanTrainer) -> Path:
        about = {
            "seed": configuration.seed,
            "examples": round(trainer.steps_done * configuration.style.examples_per_step),  # the position in the data
            "configuration": configuration.to_dict(),
            "configuration_sha256": binding_digest(configuration),
        }
        return save_state(folder, trainer, about, configuration.keep, configuration.keep_every)

    return save
