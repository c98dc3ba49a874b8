"""The parts of a run on pairs of photos and drawings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import tensorflow as tf

from animegan3_tf.data.pair_batches import PairBatches
from animegan3_tf.data.pair_folder import open_pair_folders, open_pairs
from animegan3_tf.files import write_json
from animegan3_tf.networks.weights import build_deployed
from animegan3_tf.training.feature_terms import paired_weights
from animegan3_tf.training.gan_trainer import ADVERSARIAL
from animegan3_tf.training.pair_trainer import PAIRS, PairTrainer
from animegan3_tf.training.pair_validation import PairSquare, PairValidation, held_out_squares

if TYPE_CHECKING:
    import contextlib
    import os
    from pathlib import Path

    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.training.callbacks import RunCallback
    from animegan3_tf.training.configuration import RunConfiguration

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

    def __init__(
        self,
        configuration: RunConfiguration,
        draws: bool,
        warn: Callable[[str], object],
        show: Callable[[str], object],
    ) -> None:
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
        gains = configuration.jit and tf.config.list_physical_devices("GPU")
        jit = ("networks",) if gains else ()
        return PairTrainer(configuration.style, network, configuration.steps, configuration.accumulate, jit, plain)

    def validation(
        self, trainer: PairTrainer, folder: Path, logs: str | os.PathLike[str], listeners: Sequence[RunCallback]
    ) -> PairValidation:
        """See `UnpairedObjective`."""
        shown = self._configuration.style.pairs.shown
        return PairValidation(self._configuration.sample_every, self._squares, shown, folder, logs, listeners)

    def callbacks(self, trainer: PairTrainer, warn: Callable[[str], object]) -> list[RunCallback]:
        """See `UnpairedObjective`.

        There are none: a discriminator that loses has no effect on the generator, and one that wins helps it.
        """
        return []
