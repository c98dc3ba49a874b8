"""One training run: a folder with its configuration, state, pictures and logs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

import animegan3_tf
from animegan3_tf.data.balance import balance_settings, balanced
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.networks import load_perceptual
from animegan3_tf.networks.perceptual import perceptual_family
from animegan3_tf.training.callbacks import Checkpoints, Scalars, StopOnSignal
from animegan3_tf.training.configuration import RunConfiguration, digest, resolve_steps, with_perceptual_file
from animegan3_tf.training.distribution import check_shares, choose_distribution
from animegan3_tf.training.dominance import Dominance, undecided_loss
from animegan3_tf.training.failure import report_failure
from animegan3_tf.training.feature_terms import needed_taps
from animegan3_tf.training.gan_trainer import ADVERSARIAL, PRETRAIN
from animegan3_tf.training.generations import TRAINERS, build_trained_generator
from animegan3_tf.training.initial import read_initial
from animegan3_tf.training.precision import policy
from animegan3_tf.training.run_folder import SAMPLES, note_perceptual_file, open_folder
from animegan3_tf.training.state import State, restore_state, snapshot
from animegan3_tf.training.state_folder import save_state
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.validation import ANIME_PICTURES, Scores, Validation, spread_pictures
from animegan3_tf.training.watch import Bystander, Watch

__all__ = ["RunConfiguration", "RunResult", "resolve_steps", "train"]

SAMPLE_PHOTOS = 4


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
    check_shares(configuration.style.train.batch_size, distribution.replicas, configuration.accumulate)
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
    style = configuration.style
    # what may be wrong with the files comes first: the network may have to be fetched
    begins = start is None and distribution.chief
    initial = read_initial(configuration) if begins and configuration.init is not None else None
    sources = configuration.photos, configuration.anime
    data = TrainingData(style, *sources, configuration.seed, watch.warn, configuration.max_pixels)
    samples = _sample_photos(configuration) if distribution.chief else None
    if configuration.perceptual_file is None:
        configuration = with_perceptual_file(configuration)
        if distribution.chief and configuration.perceptual_file is not None:
            note_perceptual_file(configuration, folder)
    # what a worker looks at and saves on its own cannot be a variable of them all
    plain = build_trained_generator(style) if distribution.replicas > 1 else None
    tf.keras.utils.set_random_seed(configuration.seed)
    with contextlib.ExitStack() as stack:
        region, close = region_target(style.target)
        stack.callback(close)
        with policy(configuration.precision), distribution.strategy.scope():
            family = perceptual_family(configuration.perceptual)
            network = load_perceptual(configuration.perceptual, needed_taps(style.perceptual[family]))
            build = TRAINERS[style.generator]
            trainer = build(style, network, region, configuration.accumulate, _compiled(configuration), plain)
        if start is not None:
            restore_state(start, trainer)
        elif initial is not None:
            initial.give(trainer)
        if distribution.workers > 1:
            _begin_together(trainer, distribution)
        stop = stack.enter_context(StopOnSignal(distribution.total).installed())
        try:
            return _run_phases(configuration, folder, trainer, data, samples, stop, watch, distribution)
        except (tf.errors.OpError, FloatingPointError) as error:  # the guard's, from a graph and from eager steps
            if trainer.guard.failure is None:
                raise
            raise report_failure(folder, trainer.guard.failure, configuration, distribution.worker) from error


def _begin_together(trainer, distribution):
    """Gives every worker the chief's variables, which it may have read from a file."""
    state = snapshot(trainer)
    arrays = distribution.of_chief(list(state.arrays.values()))
    restore_state(State(state.header, dict(zip(state.arrays, arrays))), trainer)


def _compiled(configuration):
    """The parts of a step that XLA makes faster on this machine, for `--jit`.

    NL-means is hundreds of small operations, which it joins. Convolutions gain on a GPU only, and the Fourier
    transforms of L0 and the pooling of the guided filter nowhere; superpixels are no operation of a graph.
    """
    if not configuration.jit:
        return ()
    return ("nl_means", "networks") if tf.config.list_physical_devices("GPU") else ("nl_means",)


def _run_phases(configuration, folder, trainer, data, photos, stop, watch, distribution):
    """Trains through both phases. photos: uint8 squares for the picture grids; None where another process draws."""
    if photos is None:
        _fit(configuration, trainer, data, stop, [stop], distribution)
        return RunResult(trainer.steps_done, stop.asked(), None)
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    metadata["architecture"] = style.generator
    scores = _scores(configuration, trainer.objective, photos)
    samples = Validation(configuration.sample_every, photos, folder / SAMPLES, logs, scores, watch.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    scalars = Scalars(configuration.log_every, logs)
    dominance = Dominance(undecided_loss(trainer.objective), watch.warn)
    callbacks = [*watch.callbacks, scalars, dominance, checkpoints, samples, stop]
    _fit(configuration, trainer, data, stop, callbacks, distribution)
    step, stopped_by = trainer.steps_done, stop.asked()
    if checkpoints.acted != step:
        checkpoints.save(trainer)
    if samples.acted != step:  # not told from the file: one of an earlier start may stand there
        samples.draw(trainer, step)
    return RunResult(step, stopped_by if step < configuration.steps else None, samples.path(step))


def _fit(configuration, trainer, data, stop, callbacks, distribution):
    for phase, end in ((PRETRAIN, configuration.pretrain_steps), (ADVERSARIAL, configuration.steps)):
        remaining = end - trainer.steps_done
        if remaining <= 0 or stop.asked() is not None:
            continue
        trainer.enter_phase(phase)
        batches = distribution.distribute(data, trainer.steps_done)
        trainer.fit(batches, steps_per_epoch=remaining, epochs=1, verbose=0, callbacks=callbacks)


def _saving(configuration, folder):
    """The function that saves a trainer's state, with what its header tells of the run."""

    def save(trainer):
        about = {
            "seed": configuration.seed,
            "examples": trainer.steps_done * configuration.style.train.batch_size,  # the position in the data
            "configuration": configuration.to_dict(),
            "configuration_sha256": digest(configuration),
        }
        return save_state(folder, trainer, about, configuration.keep, configuration.keep_every)

    return save


def _sample_photos(configuration):
    """A few photos spread over the folder, uint8 squares."""
    side = configuration.sample_size or configuration.style.data.image_size
    folder = configuration.samples or configuration.photos
    return list(spread_pictures(folder, SAMPLE_PHOTOS, side, configuration.max_pixels))


def _scores(configuration, objective, photos):
    balance = balance_settings(configuration.style.data.balance, configuration.anime, configuration.max_pixels)
    anime = spread_pictures(configuration.anime, ANIME_PICTURES, len(photos[0]), configuration.max_pixels)
    anime = (balanced(picture, balance) for picture in anime)  # what the generator is taught
    return Scores(objective.network, objective.weights, photos, anime)
