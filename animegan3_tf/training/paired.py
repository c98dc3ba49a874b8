"""What a run on pairs of photos and drawings is made of."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf.data.pair_batches import PairBatches
from animegan3_tf.data.pair_folder import open_pair_folders, open_pairs
from animegan3_tf.files import write_json
from animegan3_tf.networks.weights import build_deployed
from animegan3_tf.training.gan_trainer import ADVERSARIAL
from animegan3_tf.training.pair_trainer import PAIRS, PairTrainer
from animegan3_tf.training.pair_validation import PairValidation, held_out_squares

HELD_OUT = "held_out.json"


class PairedObjective:
    """The parts of a run whose style has objective "pairs"; `UnpairedObjective` says what each is for."""

    def __init__(self, configuration, draws, warn, show):
        self._configuration = configuration
        settings = configuration.style.pairs
        limits = {"max_pixels": configuration.max_pixels, "most": settings.largest_side}
        if configuration.pairs:
            pictures = open_pair_folders(configuration.pairs, **limits)
        else:
            pictures = open_pairs(configuration.photos, configuration.anime, **limits)
        self.data = PairBatches(settings, pictures, configuration.seed, warn)
        held_out = self.data.held_out
        show(f"held out: {len(held_out):,} of {len(pictures):,} pairs, for validation; the others are trained on")
        self._held_out = [pictures.pairs[number].stem for number in held_out]
        self._squares = None
        if draws:
            side = configuration.sample_size or settings.validation_size
            self._squares = held_out_squares(pictures, held_out[: settings.validated], side, warn)

    def note(self, folder):
        """Writes the names of the pairs held out into the run folder, for whoever measures the generator later."""
        write_json(folder / HELD_OUT, {"held_out": sorted(self._held_out)})

    @property
    def phases(self):
        """(phase, its last step) in their order: without a discriminator there is one."""
        last = ADVERSARIAL if self._configuration.style.pairs.discriminator else PAIRS
        return (PAIRS, self._configuration.pretrain_steps), (last, self._configuration.steps)

    def taps(self, family):
        """See `UnpairedObjective`."""
        return sorted(self._configuration.style.perceptual[family].features)

    def plain_generator(self):
        """See `UnpairedObjective`."""
        style = self._configuration.style
        return build_deployed(style.generator, style.train.resize)

    def trainer(self, network, plain, stack):
        """See `UnpairedObjective`."""
        configuration = self._configuration
        gains = configuration.jit and tf.config.list_physical_devices("GPU")
        jit = ("networks",) if gains else ()
        return PairTrainer(configuration.style, network, configuration.steps, configuration.accumulate, jit, plain)

    def validation(self, trainer, folder, logs, listeners):
        """See `UnpairedObjective`."""
        shown = self._configuration.style.pairs.shown
        return PairValidation(self._configuration.sample_every, self._squares, shown, folder, logs, listeners)

    def callbacks(self, trainer, warn):
        """See `UnpairedObjective`: a discriminator that has lost is not listened to, and one that has won helps."""
        return []
