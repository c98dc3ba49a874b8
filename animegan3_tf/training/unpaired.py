"""The parts of a run on unpaired photos and anime images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.data.balance import balance_settings, balanced
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.training.dominance import Dominance, undecided_loss
from animegan3_tf.training.feature_terms import needed_taps, unpaired_weights
from animegan3_tf.training.gan_trainer import ADVERSARIAL, PRETRAIN
from animegan3_tf.training.generations import TRAINERS, build_trained_generator
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.validation import ANIME_IMAGES, Scores, Validation, spread_images

if TYPE_CHECKING:
    import contextlib
    import os
    from pathlib import Path

    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.training.callbacks import RunCallback
    from animegan3_tf.training.configuration import RunConfiguration
    from animegan3_tf.training.objective import Objective
    from animegan3_tf.training.single_tail import SingleTailTrainer
    from animegan3_tf.training.single_tail_objective import SingleTailObjective
    from animegan3_tf.training.trainer import Trainer

SAMPLE_PHOTOS = 4


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

    def __init__(
        self,
        configuration: RunConfiguration,
        draws: bool,
        warn: Callable[[str], object],
        show: Callable[[str], object],
    ) -> None:
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

    def callbacks(self, trainer: Trainer | SingleTailTrainer, warn: Callable[[str], object]) -> list[RunCallback]:
        """Returns further callbacks that watch the run's terms and call `warn`."""
        return [Dominance(undecided_loss(trainer.objective), warn)]

    def _sample_photos(self) -> list[np.ndarray]:
        """A few photos spread over the folder, uint8 squares."""
        configuration = self._configuration
        side = configuration.sample_size or configuration.style.data.image_size
        folder = configuration.samples or self._photos
        return list(spread_images(folder, SAMPLE_PHOTOS, side, configuration.max_pixels))

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
