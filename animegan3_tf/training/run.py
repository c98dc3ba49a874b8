"""One training run: a folder with its configuration, state, images and logs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import tensorflow as tf

import animegan3_tf
from animegan3_tf.networks import load_perceptual
from animegan3_tf.networks.perceptual import perceptual_family
from animegan3_tf.styles.style import PAIRS, UNPAIRED
from animegan3_tf.training.callbacks import Checkpoints, Scalars, StopOnSignal
from animegan3_tf.training.configuration import RunConfiguration, digest, resolve_steps, with_perceptual_file
from animegan3_tf.training.distribution import Distribution, check_shares, choose_distribution
from animegan3_tf.training.failure import report_failure
from animegan3_tf.training.initial import read_initial
from animegan3_tf.training.paired import PairedObjective
from animegan3_tf.training.precision import policy
from animegan3_tf.training.run_folder import SAMPLES, note_perceptual_file, open_folder
from animegan3_tf.training.state import State, restore_state, snapshot
from animegan3_tf.training.state_folder import save_state
from animegan3_tf.training.unpaired import UnpairedObjective
from animegan3_tf.training.watch import RunMonitor, SilentMonitor

if TYPE_CHECKING:
    import os

    from animegan3_tf.training.gan_trainer import GanTrainer

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
    """

    step: int
    stopped_by: int | None
    grid: Path | None


def train(
    configuration: RunConfiguration,
    folder: str | os.PathLike[str],
    *,
    resume: bool = False,
    override: bool = False,
    show: Callable[[str], object] = print,
    live: bool = False,
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
        show: Receives the console's lines.
        live: Draw a table on the terminal of stdout in place of the lines.

    Returns:
        How the run ended.

    Raises:
        UserError: Bad input, or a step that is not finite.
    """
    folder, configuration = Path(folder), with_perceptual_file(configuration, fetch=False)
    if configuration.deterministic:
        tf.config.experimental.enable_op_determinism()
    distribution = choose_distribution()
    check_shares(configuration.style.batch_sizes, distribution.replicas, configuration.accumulate)
    with distribution.contact():
        distribution.check_same(digest(configuration))
        if not distribution.chief:
            return _train(configuration, folder, None, SilentMonitor(distribution.worker, show), distribution)
    with open_folder(configuration, folder, resume, override, show) as start:
        resumed_at = None if start is None else start.step
        with RunMonitor(configuration, folder, resumed_at, show, live) as monitor, distribution.contact():
            result = _train(configuration, folder, start, monitor, distribution)
            monitor.ended(result)
        return result


def _train(
    configuration: RunConfiguration,
    folder: Path,
    start: State | None,
    monitor: RunMonitor | SilentMonitor,
    distribution: Distribution,
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
            return _run_phases(configuration, folder, trainer, objective, stop, monitor, distribution)
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
    monitor: RunMonitor | SilentMonitor,
    distribution: Distribution,
) -> RunResult:
    """Trains through the phases; the chief also validates and saves."""
    if not distribution.chief:
        _fit(trainer, objective, stop, [stop], distribution)
        return RunResult(trainer.steps_done, stop.asked(), None)
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    metadata["architecture"] = style.generator
    objective.note(folder)
    samples = objective.validation(trainer, folder / SAMPLES, logs, monitor.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    scalars = Scalars(configuration.log_every, logs)
    more = objective.callbacks(trainer, monitor.warn)
    callbacks = [*monitor.callbacks, scalars, *more, checkpoints, samples, stop]
    _fit(trainer, objective, stop, callbacks, distribution)
    step, stopped_by = trainer.steps_done, stop.asked()
    if checkpoints.acted != step:
        checkpoints.save(trainer)
    if samples.acted != step:  # the file may exist from an earlier start, so its presence says nothing
        samples.draw(trainer, step)
    return RunResult(step, stopped_by if step < configuration.steps else None, samples.path(step))


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
        trainer.fit(batches, steps_per_epoch=remaining, epochs=1, verbose=0, callbacks=callbacks)


def _saving(configuration: RunConfiguration, folder: Path) -> Callable[[GanTrainer], Path]:
    """Returns the function that saves a trainer's state, with a header that describes the run."""

    def save(trainer: GanTrainer) -> Path:
        about = {
            "seed": configuration.seed,
            "examples": round(trainer.steps_done * configuration.style.examples_per_step),  # the position in the data
            "configuration": configuration.to_dict(),
            "configuration_sha256": digest(configuration),
        }
        return save_state(folder, trainer, about, configuration.keep, configuration.keep_every)

    return save
