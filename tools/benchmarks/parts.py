"""The parts of an adversarial step, each compiled on its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf.filters import l0_smooth, nl_means
from animegan3_tf.models.weights import plain
from animegan3_tf.networks import build_generator
from animegan3_tf.training.terms import gray, guide, revision_target
from animegan3_tf.training.trainer import GeneratorAverage
from benchmarks.setup import Subject

_DATA_BATCHES = 4


@dataclass(frozen=True)
class Part:
    """One part of a step.

    Attributes:
        name: Its name in the report.
        run: Runs it once.
        within: The name of the part that contains this one, or None.
        calls: Number of steps whose work one run does.
    """

    name: str
    run: Callable[[], object]
    within: str | None = None
    calls: int = 1


def step_parts(subject: Subject) -> list[Part]:
    """Splits an adversarial step into parts that run on one batch and what the subject's networks draw for it.

    Running them changes no weights, apart from moving moments and power iterations.
    """
    style, trainer, settings = subject.style, subject.trainer, subject.style.target
    denoise = _xla(nl_means) if "nl_means" in subject.settings.jit else nl_means
    networks = trainer.generator, trainer.support_discriminator, trainer.main_discriminator, subject.network.model
    if "networks" in subject.settings.jit:
        networks = map(_xla, networks)
    generator, support_discriminator, main_discriminator, perceptual = networks
    iterator = iter(subject.batches)
    batch = next(iterator)
    tails = trainer.generator(batch["photo"], training=True)
    support, main = tails["support"], tails["main"]
    guided, revision = guide(settings, support), revision_target(settings, support)
    unit = tf.floor((support + 1.0) * 127.5) / 255.0
    denoised = nl_means(unit, *settings.nl_means)
    constant = tf.concat([batch["photo"], batch["photo_region"], revision, gray(batch["anime"])], axis=0)
    live = tf.concat([guided, main, gray(guided)], axis=0)
    discriminators = trainer.support_discriminator, trainer.main_discriminator
    weights = [variable for network in discriminators for variable in network.trainable_variables]
    others = tf.concat([gray(batch["anime"]), gray(batch["anime_smooth"])], axis=0)

    def take_batches():
        for _ in range(_DATA_BATCHES):
            next(iterator)

    def draw():
        return generator(batch["photo"], training=True)

    def discriminate():
        """The logits of the fakes serve both updates: one gradient goes to the images, one to the discriminators."""
        with tf.GradientTape(watch_accessed_variables=False) as tape, tf.GradientTape() as discriminator_tape:
            tape.watch([guided, main])
            fakes = [support_discriminator(gray(guided), training=False), main_discriminator(main, training=False)]
            reals = [support_discriminator(others, training=False), main_discriminator(revision, training=False)]
            value, discriminator_value = _mean(fakes), _mean([*fakes, *reals])
        return tape.gradient(value, [guided, main]), discriminator_tape.gradient(discriminator_value, weights)

    whole, target = "generator, forward and backward", "revision target"
    return [
        Part("data", take_batches, calls=_DATA_BATCHES),
        Part("generator, forward", _compiled(draw), within=whole),
        Part(whole, _with_gradient(draw, trainer.generator.trainable_variables)),
        Part("guided filter, forward and backward", _with_gradient(lambda: guide(settings, support), [support])),
        Part(target, _compiled(lambda: revision_target(settings, support, denoise))),
        Part("NL-means", _compiled(lambda: denoise(unit, *settings.nl_means)), within=target),
        Part("L0", _compiled(lambda: l0_smooth(denoised, settings.revision_l0_lambda)), within=target),
        Part(f"region target ({settings.region_target})", _compiled(lambda: subject.region(guided))),
        # the generator's regions have a pass of their own, since they are ready later
        Part("perceptual, constant images", _compiled(lambda: [perceptual(constant), perceptual(guided)])),
        Part("perceptual, generated images and gradient", _with_gradient(lambda: perceptual(live), [live])),
        Part("discriminators, gradients of both updates", _compiled(discriminate)),
        Part("optimizers and average", _updates(style, trainer)),
    ]


def _compiled(function):
    return tf.function(function, autograph=False)


def _xla(function):
    return tf.function(function, jit_compile=True)


def _mean(tensors):
    """The sum of the means of all tensors, a stand-in for a loss."""
    return tf.add_n([tf.reduce_mean(tf.cast(tensor, tf.float32)) for tensor in tf.nest.flatten(tensors)])


def _with_gradient(function, sources):
    """Compiles `function` with the gradient of its result's mean with respect to `sources`."""
    sources = [plain(source) for source in sources]

    def run():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            value = _mean(function())
        return value, tape.gradient(value, sources)

    return _compiled(run)


def _updates(style, trainer):
    """Adam for all networks and the averaged generator, with gradients of zero, which move nothing."""
    settings = style.train
    discriminators = trainer.support_discriminator, trainer.main_discriminator
    groups = [trainer.generator.trainable_variables, [v for d in discriminators for v in d.trainable_variables]]
    rates = settings.generator_learning_rate, settings.discriminator_learning_rate
    optimizers = [tf.keras.optimizers.Adam(rate, beta_1=0.5, beta_2=0.999, epsilon=1e-8) for rate in rates]
    for optimizer, variables in zip(optimizers, groups):
        optimizer.build(variables)
    average = GeneratorAverage(trainer.generator, build_generator(resize=settings.resize), settings.ema)
    gradients = [[tf.zeros_like(variable) for variable in variables] for variables in groups]

    def run():
        for optimizer, variables, group in zip(optimizers, groups, gradients):
            optimizer.apply_gradients(zip(group, variables))
        average.update(tf.constant(1000, tf.int64))

    return _compiled(run)
