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
from animegan3_tf.training.configuration import RunConfiguration, digest, resolve_steps
from animegan3_tf.training.failure import report_failure
from animegan3_tf.training.initial import read_initial
from animegan3_tf.training.objective import needed_taps
from animegan3_tf.training.precision import policy
from animegan3_tf.training.run_folder import SAMPLES, open_folder
from animegan3_tf.training.state import restore_state
from animegan3_tf.training.state_folder import save_state
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN, Trainer
from animegan3_tf.training.validation import ANIME_PICTURES, Scores, Validation, spread_pictures
from animegan3_tf.training.watch import Watch

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
    folder = Path(folder)
    if configuration.deterministic:
        tf.config.experimental.enable_op_determinism()
    with open_folder(configuration, folder, resume, override, show) as start:
        with Watch(configuration, folder, None if start is None else start.step, show, live) as watch:
            result = _train(configuration, folder, start, watch)
            watch.ended(result)
        return result


def _train(configuration, folder, start, watch):
    style = configuration.style
    # what may be wrong with the files comes first: the network may have to be fetched
    initial = read_initial(configuration) if start is None and configuration.init is not None else None
    sources = configuration.photos, configuration.anime
    data = TrainingData(style, *sources, configuration.seed, watch.warn, configuration.max_pixels)
    samples = _sample_photos(configuration)
    tf.keras.utils.set_random_seed(configuration.seed)
    with contextlib.ExitStack() as stack:
        region, close = region_target(style.target)
        stack.callback(close)
        with policy(configuration.precision):
            family = perceptual_family(configuration.perceptual)
            network = load_perceptual(configuration.perceptual, needed_taps(style.perceptual[family]))
            trainer = Trainer(style, network, region, configuration.accumulate, _compiled(configuration))
        if start is not None:
            restore_state(start, trainer)
        elif initial is not None:
            initial.give(trainer)
        stop = stack.enter_context(StopOnSignal().installed())
        try:
            return _run_phases(configuration, folder, trainer, data, samples, stop, watch)
        except (tf.errors.OpError, FloatingPointError) as error:  # the guard's, from a graph and from eager steps
            if trainer.guard.failure is None:
                raise
            raise report_failure(folder, trainer.guard.failure, configuration) from error


def _compiled(configuration):
    """The parts of a step that XLA makes faster on this machine, for `--jit`.

    NL-means is hundreds of small operations, which it joins. Convolutions gain on a GPU only, and the Fourier
    transforms of L0 and the pooling of the guided filter nowhere; superpixels are no operation of a graph.
    """
    if not configuration.jit:
        return ()
    return ("nl_means", "networks") if tf.config.list_physical_devices("GPU") else ("nl_means",)


def _run_phases(configuration, folder, trainer, data, photos, stop, watch):
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    scores = _scores(configuration, trainer.objective, photos)
    samples = Validation(configuration.sample_every, photos, folder / SAMPLES, logs, scores, watch.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    scalars = Scalars(configuration.log_every, logs)
    callbacks = [*watch.callbacks, scalars, checkpoints, samples, stop]
    for phase, end in ((PRETRAIN, configuration.pretrain_steps), (ADVERSARIAL, configuration.steps)):
        remaining = end - int(trainer.step)
        if remaining <= 0 or stop.received is not None:
            continue
        trainer.enter_phase(phase)
        batches = data.batches(int(trainer.step))
        trainer.fit(batches, steps_per_epoch=remaining, epochs=1, verbose=0, callbacks=callbacks)
    step = int(trainer.step)
    if checkpoints.acted != step:
        checkpoints.save(trainer)
    if samples.acted != step:  # not told from the file: one of an earlier start may stand there
        samples.draw(trainer, step)
    return RunResult(step, stop.received if step < configuration.steps else None, samples.path(step))


def _saving(configuration, folder):
    """The function that saves a trainer's state, with what its header tells of the run."""

    def save(trainer):
        about = {
            "seed": configuration.seed,
            "examples": int(trainer.step) * configuration.style.train.batch_size,  # the position in the data
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
