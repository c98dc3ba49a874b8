"""One training run: a folder with its configuration, state, pictures and logs."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf

import animegan3_tf
from animegan3_tf import images
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.networks import load_perceptual
from animegan3_tf.networks.perceptual import perceptual_family
from animegan3_tf.sizes import check_side
from animegan3_tf.styles import Style
from animegan3_tf.training.callbacks import Checkpoints, Scalars, StopOnNonFinite, StopOnSignal
from animegan3_tf.training.objective import needed_taps
from animegan3_tf.training.state import restore_state, states, step_of
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN, Trainer
from animegan3_tf.training.validation import ANIME_PICTURES, Scores, Validation, spread_pictures
from animegan3_tf.training.watch import Watch

CONFIGURATION = "config.json"
SAMPLE_PHOTOS = 4
# what may change from one part of a run to the next: none of it touches a weight
_FREE = {"version", "steps", "max_pixels", "samples", "sample_size", "log_every", "sample_every", "checkpoint_every"}


@dataclass(frozen=True)
class RunConfiguration:
    """Everything that decides a run; kept as config.json in its folder.

    photos, anime: folders. perceptual: see `networks.load_perceptual`. steps: optimizer steps in all, of which
    `pretrain_steps` are content only. samples: folder of the photos in the picture grids, by default `photos`;
    sample_size: their side there, by default the training crops'.
    """

    style: Style
    photos: str
    anime: str
    perceptual: str
    steps: int
    pretrain_steps: int
    samples: str | None = None
    sample_size: int | None = None
    seed: int = 0
    max_pixels: int = images.DEFAULT_MAX_PIXELS
    log_every: int = 10
    sample_every: int = 250
    checkpoint_every: int = 500

    def __post_init__(self):
        """Refuses what could not run."""
        if self.steps < 1:
            raise UserError(f"--steps is {self.steps}; give at least 1")
        if not 0 <= self.pretrain_steps <= self.steps:
            raise UserError(
                f"--pretrain-steps is {self.pretrain_steps}, --steps {self.steps}; give from 0 to {self.steps}"
            )
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed is {self.seed}; give a whole number from 0 to 4294967295")
        for name in ("log_every", "sample_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} is {getattr(self, name)}; it must be at least 1")
        if self.sample_size is not None:
            check_side(self.sample_size, "--sample-size")
        family = perceptual_family(self.perceptual)
        if family not in self.style.perceptual:
            known = ", ".join(self.style.perceptual)
            raise UserError(
                f"style {self.style.name!r} has no loss weights for {family}; add a table [perceptual.{family}] "
                f"to its .toml or choose a network of {known}"
            )

    def to_dict(self):
        """Plain values for JSON."""
        return {"version": animegan3_tf.__version__, **asdict(self)}

    @classmethod
    def read(cls, folder):
        """The configuration of a run folder."""
        path = Path(folder) / CONFIGURATION
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            values.pop("version")
            return cls(**{**values, "style": Style.from_dict(values["style"], source=str(path))})
        except FileNotFoundError:
            raise UserError(f"{str(folder)!r} is not a run folder: it has no {CONFIGURATION}") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{str(path)!r} cannot be read: {error}") from error


@dataclass(frozen=True)
class RunResult:
    """How a run ended: the last step done, the signal that stopped it or None, and the last picture grid."""

    step: int
    stopped_by: int | None
    grid: Path | None


def resolve_steps(style, photos, steps=None, pretrain_steps=None, stored=None):
    """(steps, pretrain_steps) of a run, for what is None.

    Those of `stored`, the configuration of the run being resumed, if given; else what the style's epochs come to over
    the folder of photos, pre-training at most half of the steps, so that a short trial sees both phases.
    """
    if stored is not None:
        whole, content = stored.steps, stored.pretrain_steps
    else:
        per_epoch = len(images.find_images(photos)) / style.train.batch_size
        whole = max(1, round(style.train.epochs * per_epoch))
        content = min(round(style.train.pretrain_epochs * per_epoch), (whole if steps is None else steps) // 2)
    return whole if steps is None else steps, content if pretrain_steps is None else pretrain_steps


def train(configuration, folder, *, resume=False, show=print, live=False):
    """Trains in `folder` until the configuration's steps are done, or a signal asks to stop.

    resume: goes on from the newest state there. Otherwise the folder must not hold one yet.
    show: receives the console's lines. live: draw a table on the terminal of stdout in their place.
    Raises UserError for bad input and for a loss that is not finite.
    Call it in the main thread, where signals arrive, and below an `if __name__ == "__main__"` guard: superpixels are
    made by spawned processes.
    """
    folder = Path(folder)
    start = _open_folder(configuration, folder, resume)
    with Watch(configuration, folder, None if start is None else step_of(start), show, live) as watch:
        result = _train(configuration, folder, start, watch)
        watch.ended(result)
    return result


def _train(configuration, folder, start, watch):
    style = configuration.style
    # what may be wrong with the folders comes first: the network may have to be fetched
    sources = configuration.photos, configuration.anime
    data = TrainingData(style, *sources, configuration.seed, watch.warn, configuration.max_pixels)
    samples = _sample_photos(configuration)
    tf.keras.utils.set_random_seed(configuration.seed)
    family = perceptual_family(configuration.perceptual)
    network = load_perceptual(configuration.perceptual, needed_taps(style.perceptual[family]))
    with contextlib.ExitStack() as stack:
        region, close = region_target(style.target)
        stack.callback(close)
        trainer = Trainer(style, network, region)
        if start is not None:
            restore_state(start, trainer)
        stop = stack.enter_context(StopOnSignal().installed())
        return _run_phases(configuration, folder, trainer, data, samples, stop, watch)


def _run_phases(configuration, folder, trainer, data, photos, stop, watch):
    style, logs = configuration.style, folder / "logs"
    metadata = {"style": style.name, "perceptual": configuration.perceptual, "version": animegan3_tf.__version__}
    scores = _scores(configuration, trainer.objective, photos)
    samples = Validation(configuration.sample_every, photos, folder / "samples", logs, scores, watch.callbacks)
    checkpoints = Checkpoints(configuration.checkpoint_every, folder, metadata)
    # the guard first, so that a step that is not finite is neither shown as a picture nor saved
    scalars = Scalars(configuration.log_every, logs)
    callbacks = [StopOnNonFinite(), *watch.callbacks, scalars, checkpoints, samples, stop]
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


def _open_folder(configuration, folder, resume):
    """Writes the configuration into a new run folder, or checks it against that of the run being resumed.

    Returns the state to start from, or None.
    """
    found = states(folder) if folder.is_dir() else []
    if resume:
        if not found:
            raise UserError(f"{str(folder)!r} holds no state to resume from; start without --resume")
        before, now = (_flat(c.to_dict()) for c in (RunConfiguration.read(folder), configuration))
        differing = sorted(k for k in (before.keys() | now.keys()) - _FREE if before.get(k) != now.get(k))
        if differing:
            told = ", ".join(f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in differing)
            raise UserError(
                f"cannot resume {str(folder)!r} with another configuration ({told}); undo that or name another --out"
            )
        if step_of(found[-1]) > configuration.steps:
            raise UserError(f"{str(folder)!r} is at step {step_of(found[-1])}, past --steps {configuration.steps}")
    elif found:  # a configuration alone is of a start that failed, and no reason to refuse
        raise UserError(f"{str(folder)!r} holds a run already; add --resume to go on with it or name another --out")
    try:
        with whole_file(folder / CONFIGURATION) as temporary:
            temporary.write_text(json.dumps(configuration.to_dict(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{str(folder)!r} cannot be written to ({error.strerror}); name another --out") from error
    return found[-1] if found else None


def _sample_photos(configuration):
    """A few photos spread over the folder, uint8 squares."""
    side = configuration.sample_size or configuration.style.data.image_size
    folder = configuration.samples or configuration.photos
    return list(spread_pictures(folder, SAMPLE_PHOTOS, side, configuration.max_pixels))


def _scores(configuration, objective, photos):
    anime = spread_pictures(configuration.anime, ANIME_PICTURES, len(photos[0]), configuration.max_pixels)
    return Scores(objective.network, objective.weights, photos, anime)


def _flat(values, prefix=""):
    flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
