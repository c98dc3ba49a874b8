"""Sets up a training run as the command line would, on images and weights that make its timings fair."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.data.demo import demo_anime, demo_photos
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets
from animegan3_tf.models.perceptual import load_perceptual, perceptual_family
from animegan3_tf.models.weights import load_generator, named_weights
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.styles import Style, load_style, override
from animegan3_tf.training.terms import needed_taps, region_target
from animegan3_tf.training.trainer import ADVERSARIAL
from animegan3_tf.training.two_tail import Trainer

_ANIME_COUNT = 12


@dataclass(frozen=True)
class TrainSettings:
    """The options of `benchmark.py train`; kept in its JSON.

    Attributes:
        style: Name of a style, or its .toml file.
        perceptual: Network of the feature losses, as for `animegan3 train`.
        size: Side of the crops in pixels.
        batch: Images in a step.
        steps: Timed rounds.
        region: Kind of region target, "superpixel" or "l0".
        precision: Keras policy.
        generator: Weights file that both tails start from, or "none" for random weights.
        host_share: Whether a step without a region target is timed too.
        upstream: Whether `UpstreamStep` is timed too.
        summaries: As for `UpstreamStep`.
        jit: As for `Trainer`.
        photos: Folder of photos, or None for bundled ones.
        anime: Folder of anime images, or None for drawn ones.
        seed: Seed of weights and batches.
    """

    style: str
    perceptual: str
    size: int
    batch: int
    steps: int
    region: str
    precision: str
    generator: str
    host_share: bool
    upstream: bool
    summaries: bool
    jit: tuple[str, ...] = ()
    photos: str | None = None
    anime: str | None = None
    seed: int = 0

    def __post_init__(self):
        """Checks the options; raises UserError."""
        if self.steps < 1:
            raise UserError(f"--steps is {self.steps}; give at least 1")
        if (self.photos is None) != (self.anime is None):
            raise UserError("--photos and --anime belong together; give both, or neither for the bundled images")
        if self.upstream and self.precision != "float32":
            raise UserError(f"--upstream computes in float32; leave --precision {self.precision} out")

    def resolved_style(self) -> Style:
        """Returns the style with the size, batch and region target of the options."""
        values = {"data.image_size": self.size, "train.batch_size": self.batch, "target.region_target": self.region}
        style = override(load_style(self.style), values)
        if perceptual_family(self.perceptual) not in style.perceptual:
            raise UserError(f"style {style.name!r} has no loss weights for --perceptual {self.perceptual}")
        return style


@dataclass(frozen=True)
class Subject:
    """The run that is timed.

    Attributes:
        settings: The options.
        style: The resolved style.
        network: Network of the feature losses.
        region: The region target, images -> images.
        trainer: A trainer in its adversarial phase.
        batches: Endless batches for it.
    """

    settings: TrainSettings
    style: Style
    network: PerceptualNetwork
    region: Callable
    trainer: Trainer
    batches: tf.data.Dataset


@contextlib.contextmanager
def training_subject(settings: TrainSettings, folder: Path) -> Iterator[Subject]:
    """Sets up the run for a `with` block, with bundled images below `folder` if the options name none."""
    style = settings.resolved_style()
    photos, anime = Path(settings.photos or folder / "photo"), Path(settings.anime or folder / "anime" / "style")
    if settings.photos is None:  # real images: superpixels of noise take another time
        demo_photos(photos, size=settings.size)
        demo_anime(anime, _ANIME_COUNT)
        prepare(style_targets(style, photos, anime), jobs=os.cpu_count() or 1)
    data = TrainingData(style, photos, anime, settings.seed)
    tf.keras.utils.set_random_seed(settings.seed)
    network = load_perceptual(
        settings.perceptual, needed_taps(style.perceptual[perceptual_family(settings.perceptual)])
    )
    region, close = region_target(style.target)
    try:
        trainer = new_trainer(style, network, region, settings.generator, settings.jit)
        yield Subject(settings, style, network, region, trainer, data.batches())
    finally:
        close()


def new_trainer(style, network, region, generator="none", jit=()) -> Trainer:
    """Makes a trainer in its adversarial phase.

    Args:
        style: The style.
        network: Network of the feature losses.
        region: The region target.
        generator: Weights file, or "none" for random weights. Both tails take the weights of its one tail: the filters'
            time depends on the images' content, and random weights draw nothing like the images of real training.
        jit: As for `Trainer`.
    """
    trainer = Trainer(style, network, region, jit=jit)
    if generator != "none":
        weights = named_weights(trainer.generator)
        for name, weight in named_weights(load_generator(generator)).items():
            weights[name].assign(weight)
            if name.startswith("main_"):
                weights[name.replace("main_", "support_", 1)].assign(weight)
    trainer.enter_phase(ADVERSARIAL)
    return trainer
