"""What a run on unpaired photos and anime pictures is made of."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf.data.balance import balance_settings, balanced
from animegan3_tf.data.dataset import TrainingData
from animegan3_tf.training.dominance import Dominance, undecided_loss
from animegan3_tf.training.feature_terms import needed_taps
from animegan3_tf.training.gan_trainer import ADVERSARIAL, PRETRAIN
from animegan3_tf.training.generations import TRAINERS, build_trained_generator
from animegan3_tf.training.targets import region_target
from animegan3_tf.training.validation import ANIME_PICTURES, Scores, Validation, spread_pictures

SAMPLE_PHOTOS = 4


class UnpairedObjective:
    """The parts of a run whose style has objective "unpaired"; `PairedObjective` has the same methods.

    configuration: a `RunConfiguration`. draws: whether this process draws the picture grids. warn, show: receive lines.
    """

    def __init__(self, configuration, draws, warn, show):
        style, sources = configuration.style, (configuration.photos, configuration.anime)
        self._configuration = configuration
        self.data = TrainingData(style, *sources, configuration.seed, warn, configuration.max_pixels)
        self._photos = self._sample_photos() if draws else None

    def note(self, folder):
        """Writes what a run of this kind has to say into its folder: nothing, here."""

    @property
    def phases(self):
        """(phase, its last step) in their order."""
        return (PRETRAIN, self._configuration.pretrain_steps), (ADVERSARIAL, self._configuration.steps)

    def taps(self, family):
        """The feature maps that the losses need of a perceptual network."""
        return needed_taps(self._configuration.style.perceptual[family])

    def plain_generator(self):
        """A generator as it is trained, for what a worker looks at and saves on its own."""
        return build_trained_generator(self._configuration.style)

    def trainer(self, network, plain, stack):
        """The trainer; what it needs closed at the end goes to `stack`, an `ExitStack`."""
        configuration = self._configuration
        region, close = region_target(configuration.style.target)
        stack.callback(close)
        build = TRAINERS[configuration.style.generator]
        return build(configuration.style, network, region, configuration.accumulate, _compiled(configuration), plain)

    def validation(self, trainer, folder, logs, listeners):
        """The callback that draws the picture grids."""
        scores = self._scores(trainer.objective)
        return Validation(self._configuration.sample_every, self._photos, folder, logs, scores, listeners)

    def callbacks(self, trainer, warn):
        """What else looks at the run's terms."""
        return [Dominance(undecided_loss(trainer.objective), warn)]

    def _sample_photos(self):
        """A few photos spread over the folder, uint8 squares."""
        configuration = self._configuration
        side = configuration.sample_size or configuration.style.data.image_size
        folder = configuration.samples or configuration.photos
        return list(spread_pictures(folder, SAMPLE_PHOTOS, side, configuration.max_pixels))

    def _scores(self, objective):
        configuration, side = self._configuration, len(self._photos[0])
        balance = balance_settings(configuration.style.data.balance, configuration.anime, configuration.max_pixels)
        anime = spread_pictures(configuration.anime, ANIME_PICTURES, side, configuration.max_pixels)
        anime = (balanced(picture, balance) for picture in anime)  # what the generator is taught
        return Scores(objective.network, objective.weights, self._photos, anime)


def _compiled(configuration):
    """The parts of a step that XLA makes faster on this machine, for `--jit`.

    NL-means is hundreds of small operations, which it joins. Convolutions gain on a GPU only, and the Fourier
    transforms of L0 and the pooling of the guided filter nowhere; superpixels are no operation of a graph.
    """
    if not configuration.jit:
        return ()
    return ("nl_means", "networks") if tf.config.list_physical_devices("GPU") else ("nl_means",)
