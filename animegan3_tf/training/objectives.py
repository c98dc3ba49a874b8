"""What a run trains: each objective's data, trainer, validation and warnings."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.files import write_json
from animegan3_tf.data.colors import balance_settings, balanced
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.data.pair_dataset import PairBatches, open_pair_folders, open_pairs
from animegan3_tf.models.weights import build_deployed
from animegan3_tf.networks import PerceptualNetwork, build_generator
from animegan3_tf.styles import Style
from animegan3_tf.training.callbacks import Logs, RunCallback, Show
from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.pairs import PAIRS, PairTrainer
from animegan3_tf.training.single_tail import SingleTailObjective, SingleTailTrainer
from animegan3_tf.training.terms import needed_taps, paired_weights, region_target, unpaired_weights
from animegan3_tf.training.trainer import ADVERSARIAL, PRETRAIN
from animegan3_tf.training.two_tail import Objective, Trainer
from animegan3_tf.training.validation import (
    PairSquare,
    PairValidation,
    Scores,
    Validation,
    held_out_squares,
    spread_images,
)

TRAINERS = {"animegan1": SingleTailTrainer, "animegan2": SingleTailTrainer, "animegan3": Trainer}


def build_trained_generator(style: Style) -> tf.keras.Model:
    """Builds a generator with all the tails that an unpaired style trains."""
    if TRAINERS[style.generator] is Trainer:
        return build_generator(resize=style.train.resize)
    return build_deployed(style.generator, style.train.resize)


WINDOW = 400
NEAR_ZERO = 0.05  # share of the loss of a discriminator that gives every image the same answer
FALLING = 0.99  # the style terms fall where the mean of a window's newer half is below this share of the older half's
_REMEDIES = (
    "Possible remedies: a lower train.discriminator_learning_rate or a higher loss.support_generator (both with "
    "--resume --override), or more, and more varied, anime images"
)


class Dominance(RunCallback):
    """Warns when the support discriminator's loss is near zero while the style terms have ceased to fall.

    Both are means over the last `window` steps of the adversarial phase. It warns once, and again only after the
    discriminator's loss has risen in between.

    Args:
        undecided: The support discriminator's loss where it gives every image the same answer, see `undecided_loss`.
        warn: Receives the warning.
        window: The number of steps.
    """

    def __init__(self, undecided: float, warn: Show, window: int = WINDOW) -> None:
        super().__init__(every=1)
        self.undecided, self._warn, self._window = undecided, warn, window
        self._losses: deque[float] = deque(maxlen=window)
        self._styles: deque[float] = deque(maxlen=window)
        self._has_warned = False

    def act(self, step: int, logs: Logs) -> None:
        """Records the step's terms and warns where it must."""
        if "discriminator_support" not in logs:
            return
        self._losses.append(float(logs["discriminator_support"]))
        self._styles.append(sum(float(value) for name, value in logs.items() if name.startswith("style_")))
        if len(self._losses) < self._window:
            return
        share = np.mean(self._losses) / self.undecided
        if share >= NEAR_ZERO:
            self._has_warned = False
            return
        older, newer = np.split(np.array(self._styles), [self._window // 2])
        if self._has_warned or newer.mean() < FALLING * older.mean():
            return
        self._has_warned = True
        self._warn(
            f"step {step}: the support discriminator has won: over {self._window} steps its loss was {share:.1%} of "
            "that of a discriminator which gives every image the same answer, and the style terms no longer fall "
            f"({older.mean():.3g}, then {newer.mean():.3g}). {_REMEDIES}"
        )


def undecided_loss(objective: Objective | SingleTailObjective) -> float:
    """Returns the least loss that a support discriminator reaches with the same answer to every image.

    Args:
        objective: The losses of a run; constant answers from -1.5 to 1.5 are tried.
    """
    answers = (tf.fill([1, 1, 1, 1], answer) for answer in np.linspace(-1.5, 1.5, 61, dtype=np.float32))
    return float(min(objective.answering_alike(answer) for answer in answers))


SAMPLE_PHOTOS, ANIME_IMAGES = 4, 16


class UnpairedObjective:
    """The parts of a run whose style has objective "unpaired"; `PairedObjective` has the same methods.

    Args:
        configuration: That of the run.
        draws: Whether this process draws the image grids.
        warn: Receives warnings.
        show: Receives other lines.

    Attributes:
        data: The training batches.
    """

    def __init__(self, configuration: RunConfiguration, draws: bool, warn: Show, show: Show) -> None:
        assert configuration.photos is not None  # `resolve_steps` needs both
        assert configuration.anime is not None
        self._photos, self._anime = configuration.photos, configuration.anime
        self._configuration = configuration
        self.data = TrainingData(
            configuration.style, self._photos, self._anime, configuration.seed, warn, configuration.max_pixels
        )
        self._samples = self._sample_photos() if draws else []

    def note(self, folder: Path) -> None:
        """Writes files of this objective into the run folder; an unpaired run has none."""

    @property
    def phases(self) -> tuple[tuple[str, int], ...]:
        """(phase, its last step) in their order."""
        return (PRETRAIN, self._configuration.pretrain_steps), (ADVERSARIAL, self._configuration.steps)

    def taps(self, family: str) -> list[str]:
        """Returns the feature maps that the losses need from a family of perceptual networks."""
        return needed_taps(unpaired_weights(self._configuration.style, family))

    def plain_generator(self) -> tf.keras.Model:
        """Builds a generator for `GanTrainer.deployed`; call it outside the scope of a distribution strategy."""
        return build_trained_generator(self._configuration.style)

    def trainer(
        self, network: PerceptualNetwork, plain: tf.keras.Model | None, stack: contextlib.ExitStack
    ) -> Trainer | SingleTailTrainer:
        """Builds the trainer.

        Args:
            network: The perceptual network, with the feature maps of `taps`.
            plain: A `plain_generator`, or None on a single device.
            stack: Receives what must be closed at the end of the run.

        Returns:
            The trainer, in its first phase.
        """
        configuration = self._configuration
        region, close = region_target(configuration.style.target)
        stack.callback(close)
        build = TRAINERS[configuration.style.generator]
        return build(configuration.style, network, region, configuration.accumulate, _compiled(configuration), plain)

    def validation(
        self,
        trainer: Trainer | SingleTailTrainer,
        folder: Path,
        logs: str | os.PathLike[str],
        listeners: Sequence[RunCallback],
    ) -> Validation:
        """Builds the callback that draws the image grids.

        Args:
            trainer: The trainer.
            folder: Folder of the grids.
            logs: TensorBoard's log folder.
            listeners: Callbacks whose `validated` is called after each validation.

        Returns:
            The callback.
        """
        scores = self._scores(trainer.objective)
        return Validation(self._configuration.sample_every, self._samples, folder, logs, scores, listeners)

    def callbacks(self, trainer: Trainer | SingleTailTrainer, warn: Show) -> list[RunCallback]:
        """Returns further callbacks that watch the run's terms and call `warn`."""
        return [Dominance(undecided_loss(trainer.objective), warn)]

    def _sample_photos(self) -> list[np.ndarray]:
        """A few photos spread over the folder, uint8 squares."""
        configuration = self._configuration
        side = configuration.sample_size or configuration.style.data.image_size
        return list(spread_images(configuration.samples or self._photos, SAMPLE_PHOTOS, side, configuration.max_pixels))

    def _scores(self, objective: Objective | SingleTailObjective) -> Scores:
        configuration, side = self._configuration, len(self._samples[0])
        balance = balance_settings(configuration.style.data.balance, self._anime, configuration.max_pixels)
        anime = spread_images(self._anime, ANIME_IMAGES, side, configuration.max_pixels)
        # balanced, since the generator is trained on balanced images
        return Scores(objective.network, objective.weights, self._samples, (balanced(i, balance) for i in anime))


def _compiled(configuration: RunConfiguration) -> tuple[str, ...]:
    """The parts of a step that XLA makes faster on this machine, for `--jit`.

    NL-means is hundreds of small operations, which XLA joins. Convolutions gain on a GPU only. The Fourier transforms
    of L0 and the pooling of the guided filter gain nowhere, and superpixels are not a graph operation.
    """
    if not configuration.jit:
        return ()
    return ("nl_means", "networks") if tf.config.list_physical_devices("GPU") else ("nl_means",)


HELD_OUT = "held_out.json"


class PairedObjective:
    """The parts of a run whose style has objective "pairs"; `UnpairedObjective` documents the methods of both.

    Args:
        configuration: That of the run.
        draws: Whether this process draws the image grids.
        warn: Receives warnings.
        show: Receives other lines.

    Attributes:
        data: The training batches.
    """

    def __init__(self, configuration: RunConfiguration, draws: bool, warn: Show, show: Show) -> None:
        self._configuration = configuration
        settings = configuration.style.pairs
        max_pixels, most = configuration.max_pixels, settings.largest_side
        if configuration.pairs:
            pictures = open_pair_folders(configuration.pairs, max_pixels=max_pixels, most=most)
        else:
            assert configuration.photos is not None  # `RunConfiguration` has checked it
            assert configuration.anime is not None
            pictures = open_pairs(configuration.photos, configuration.anime, max_pixels=max_pixels, most=most)
        self.data = PairBatches(settings, pictures, configuration.seed, warn)
        held_out = self.data.held_out
        show(f"held out: {len(held_out):,} of {len(pictures):,} pairs, for validation; the others are trained on")
        self._held_out = [pictures.pairs[number].stem for number in held_out]
        self._squares: list[PairSquare] = []
        if draws:
            side = configuration.sample_size or settings.validation_size
            self._squares = held_out_squares(pictures, held_out[: settings.validated], side, warn)

    def note(self, folder: Path) -> None:
        """Writes the names of the held-out pairs into the run folder, so that later measurements can use them."""
        write_json(folder / HELD_OUT, {"held_out": sorted(self._held_out)})

    @property
    def phases(self) -> tuple[tuple[str, int], ...]:
        """See `UnpairedObjective`; without a discriminator, both have the same name."""
        last = ADVERSARIAL if self._configuration.style.pairs.discriminator else PAIRS
        return (PAIRS, self._configuration.pretrain_steps), (last, self._configuration.steps)

    def taps(self, family: str) -> list[str]:
        """See `UnpairedObjective`."""
        return sorted(paired_weights(self._configuration.style, family).features)

    def plain_generator(self) -> tf.keras.Model:
        """See `UnpairedObjective`."""
        style = self._configuration.style
        return build_deployed(style.generator, style.train.resize)

    def trainer(
        self, network: PerceptualNetwork, plain: tf.keras.Model | None, stack: contextlib.ExitStack
    ) -> PairTrainer:
        """See `UnpairedObjective`."""
        configuration = self._configuration
        jit = ("networks",) if configuration.jit and tf.config.list_physical_devices("GPU") else ()
        return PairTrainer(configuration.style, network, configuration.steps, configuration.accumulate, jit, plain)

    def validation(
        self, trainer: PairTrainer, folder: Path, logs: str | os.PathLike[str], listeners: Sequence[RunCallback]
    ) -> PairValidation:
        """See `UnpairedObjective`."""
        shown = self._configuration.style.pairs.shown
        return PairValidation(self._configuration.sample_every, self._squares, shown, folder, logs, listeners)

    def callbacks(self, trainer: PairTrainer, warn: Show) -> list[RunCallback]:
        """See `UnpairedObjective`.

        There are none: a discriminator that loses has no effect on the generator, and one that wins helps it.
        """
        return []
