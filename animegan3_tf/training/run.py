"""One training run: a folder with its configuration, state, pictures and logs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

import animegan3_tf
from animegan3_tf import images
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.errors import UserError
from animegan3_tf.networks import load_perceptual
from animegan3_tf.networks.perceptual import perceptual_family
from animegan3_tf.training.callbacks import Checkpoints, Console, Samples, Scalars, StopOnNonFinite, StopOnSignal
from animegan3_tf.training.configuration import RunConfiguration, digest, resolve_steps
from animegan3_tf.training.initial import read_initial
from animegan3_tf.training.objective import needed_taps
from animegan3_tf.training.run_folder import SAMPLES, open_folder
from animegan3_tf.training.state import restore_state
from animegan3_tf.training.state_folder import save_state
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN, Trainer

__all__ = ["RunConfiguration", "RunResult", "resolve_steps", "train"]

SAMPLE_PHOTOS = 4


@dataclass(frozen=True)
class RunResult:
    """How a run ended: the last step done, the signal that stopped it or None, and the last picture grid."""

    step: int
    stopped_by: int | None
    grid: Path | None


def train(configuration, folder, *, resume=False, override=False, show=print):
    """Trains in `folder` until the configuration's steps are done, or a signal asks to stop.

    resume: goes on from the newest state there that is whole. Otherwise the folder must not hold one yet.
    override: a resumed run takes a configuration that differs from the one it began with.
    show: receives the console's lines. Raises UserError for bad input and for a loss that is not finite.
    Call it in the main thread, where signals arrive, and below an `if __name__ == "__main__"` guard: superpixels are
    made by spawned processes. A deterministic run makes the whole process so (TensorFlow has no way back).
    """
    folder, style = Path(folder), configuration.style
    if configuration.deterministic:
        tf.config.experimental.enable_op_determinism()
    with contextlib.ExitStack() as stack:
        start = stack.enter_context(open_folder(configuration, folder, resume, override, show))
        # what may be wrong with the files comes first: the network may have to be fetched
        initial = read_initial(configuration) if start is None and configuration.init is not None else None
        sources = configuration.photos, configuration.anime
        data = TrainingData(style, *sources, configuration.seed, show, configuration.max_pixels)
        samples = _sample_photos(configuration)
        tf.keras.utils.set_random_seed(configuration.seed)
        family = perceptual_family(configuration.perceptual)
        network = load_perceptual(configuration.perceptual, needed_taps(style.perceptual[family]))
        region, close = region_target(style.target)
        stack.callback(close)
        trainer = Trainer(style, network, region)
        if start is not None:
            restore_state(start, trainer)
        elif initial is not None:
            initial.give(trainer)
        stop = stack.enter_context(StopOnSignal().installed())
        return _run_phases(configuration, folder, trainer, data, samples, stop, show)


def _run_phases(configuration, folder, trainer, data, photos, stop, show):
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    samples = Samples(configuration.sample_every, photos, folder / SAMPLES, logs)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata, _saving(configuration, folder))
    console = Console(configuration.log_every, configuration.steps, show)
    # the guard first, so that a step that is not finite is neither shown as a picture nor saved
    callbacks = [StopOnNonFinite(), console, Scalars(configuration.log_every, logs), checkpoints, samples, stop]
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
    folder = configuration.samples or configuration.photos
    paths = images.find_images(folder)
    spread = [paths[i * len(paths) // SAMPLE_PHOTOS] for i in range(SAMPLE_PHOTOS)] if paths else []
    size = configuration.sample_size or configuration.style.data.image_size
    photos = []
    for path in dict.fromkeys([*spread, *paths]):  # the others stand in for what cannot be read
        if len(photos) == SAMPLE_PHOTOS:
            break
        with contextlib.suppress(images.ImageError):  # the input pipeline warns of it
            photos.append(_square(images.read_image(path, configuration.max_pixels).on_white(), size))
    if not photos:
        raise UserError(f"folder {folder!r} holds no pictures that can be read; name another with --samples")
    return photos


def _square(rgb, size):
    side = min(rgb.shape[:2])
    top, left = ((length - side) // 2 for length in rgb.shape[:2])
    return images.resize(rgb[top : top + side, left : left + side], (size, size))
