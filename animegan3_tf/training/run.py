"""One training run: a folder with its configuration, state, pictures and logs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

import animegan3_tf
from animegan3_tf.networks import load_perceptual
from animegan3_tf.networks.perceptual import perceptual_family
from animegan3_tf.styles.style import PAIRS, UNPAIRED
from animegan3_tf.training.callbacks import Checkpoints, Scalars, StopOnSignal
from animegan3_tf.training.configuration import RunConfiguration, digest, resolve_steps, with_perceptual_file
from animegan3_tf.training.distribution import check_shares, choose_distribution
from animegan3_tf.training.failure import report_failure
from animegan3_tf.training.initial import read_initial
from animegan3_tf.training.paired import PairedObjective
from animegan3_tf.training.precision import policy
from animegan3_tf.training.run_folder import SAMPLES, note_perceptual_file, open_folder
from animegan3_tf.training.state import State, restore_state, snapshot
from animegan3_tf.training.state_folder import save_state
from animegan3_tf.training.unpaired import UnpairedObjective
from animegan3_tf.training.watch import Bystander, Watch

__all__ = ["RunConfiguration", "RunResult", "resolve_steps", "train"]

OBJECTIVES = {UNPAIRED: UnpairedObjective, PAIRS: PairedObjective}


@dataclass(frozen=True)
class RunResult:
    """How a run ended: the last step done, the signal that stopped it or None, and the last picture grid."""

    step: int
    stopped_by: int | None
    grid: Path | None


def train(configuration, folder, *, resume=False, override=False, show=print, live=False):
    """Trains in `folder` until the configuration's steps are done, or a signal asks to stop.

    resume: goes on from the newest state there that is whole. Otherwise the folder must not hold one yet.
    override: a resumed run takes a configuration that differs from the one it began with.
    show: receives the console's lines. live: draw a table on the terminal of stdout in their place.
    Raises UserError for bad input and for a step that is not finite.
    Call it in the main thread, where signals arrive, and below an `if __name__ == "__main__"` guard: superpixels are
    made by spawned processes. A deterministic run makes the whole process so (TensorFlow has no way back).
    """
    folder, configuration = Path(folder), with_perceptual_file(configuration, fetch=False)
    if configuration.deterministic:
        tf.config.experimental.enable_op_determinism()
    distribution = choose_distribution()
    check_shares(configuration.style.batch_sizes, distribution.replicas, configuration.accumulate)
    with distribution.contact():
        distribution.check_same(digest(configuration))
        if not distribution.chief:
            return _train(configuration, folder, None, Bystander(distribution.worker, show), distribution)
    with open_folder(configuration, folder, resume, override, show) as start:
        resumed_at = None if start is None else start.step
        with Watch(configuration, folder, resumed_at, show, live) as watch, distribution.contact():
            result = _train(configuration, folder, start, watch, distribution)
            watch.ended(result)
        return result


def _train(configuration, folder, start, watch, distribution):
    # what may be wrong with the files comes first: the network may have to be fetched
    begins = start is None and distribution.chief
    initial = read_initial(configuration) if begins and configuration.init is not None else None
    objective = OBJECTIVES[configuration.style.objective](configuration, distribution.chief, watch.warn, watch.show)
    if configuration.perceptual_file is None:
        configuration = with_perceptual_file(configuration)
        if distribution.chief and configuration.perceptual_file is not None:
            note_perceptual_file(configuration, folder)
    # what a worker looks at and saves on its own cannot be a variable of them all
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
            return _run_phases(configuration, folder, trainer, objective, stop, watch, distribution)
        except (tf.errors.OpError, FloatingPointError) as error:  # the guard's, from a graph and from eager steps
            if trainer.guard.failure is None:
                raise
            raise report_failure(folder, trainer.guard.failure, configuration, distribution.worker) from error


def _begin_together(trainer, distribution):
    """Gives every worker the chief's variables, which it may have read from a file."""
    state = snapshot(trainer)
    arrays = distribution.of_chief(list(state.arrays.values()))
    restore_state(State(state.header, dict(zip(state.arrays, arrays))), trainer)


def _run_phases(configuration, folder, trainer, objective, stop, watch, distribution):
    """Trains through the phases; the chief looks at the results, and saves."""
    if not distribution.chief:
        _fit(trainer, objective, stop, [stop], distribution)
        return RunResult(trainer.steps_done, stop.asked(), None)
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    metadata["architecture"] = style.generator
    objective.note(folder)
    samples = objective.validation(trainer, folder / SAMPLES, logs, watch.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    scalars = Scalars(configuration.log_every, logs)
    more = objective.callbacks(trainer, watch.warn)
    callbacks = [*watch.callbacks, scalars, *more, checkpoints, samples, stop]
    _fit(trainer, objective, stop, callbacks, distribution)
    step, stopped_by = trainer.steps_done, stop.asked()
    if checkpoints.acted != step:
        checkpoints.save(trainer)
    if samples.acted != step:  # not told from the file: one of an earlier start may stand there
        samples.draw(trainer, step)
    return RunResult(step, stopped_by if step < configuration.steps else None, samples.path(step))


def _fit(trainer, objective, stop, callbacks, distribution):
    for phase, end in objective.phases:
        remaining = end - trainer.steps_done
        if remaining <= 0 or stop.asked() is not None:
            continue
        trainer.enter_phase(phase)
        batches = distribution.distribute(objective.data, trainer.steps_done)
        trainer.fit(batches, steps_per_epoch=remaining, epochs=1, verbose=0, callbacks=callbacks)


def _saving(configuration, folder):
    """The function that saves a trainer's state, with what its header tells of the run."""

    def save(trainer):
        about = {
            "seed": configuration.seed,
            "examples": round(trainer.steps_done * configuration.style.examples_per_step),  # the position in the data
            "configuration": configuration.to_dict(),
            "configuration_sha256": digest(configuration),
        }
        return save_state(folder, trainer, about, configuration.keep, configuration.keep_every)

    return save
