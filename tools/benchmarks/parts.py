"""The parts of an adversarial step, each compiled for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf.filters import l0_smooth, nl_means
from animegan3_tf.networks import build_generator
from animegan3_tf.training.ema import GeneratorAverage
from animegan3_tf.training.feature_terms import gray
from animegan3_tf.training.targets import guide, revision_target
from benchmarks.setup import Subject

_DATA_BATCHES = 4


@dataclass(frozen=True)
class Part:
    """One part. `within`: the part it is only a closer look at; `calls`: how many steps' worth one run is."""

    name: str
    run: Callable[[], object]
    within: str | None = None
    calls: int = 1


def step_parts(subject: Subject) -> list[Part]:
    """What a step is made of, on tensors of one batch as the networks of `subject` draw them.

    The networks' weights stay as they are, but for moving moments and power iterations.
    """
    style, trainer, settings = subject.style, subject.trainer, subject.style.target
    denoise = _xla(nl_means) if "nl_means" in subject.settings.jit else nl_means
    networks = trainer.generator, trainer.support_discriminator, trainer.main_discriminator, subject.network.model
    if "networks" in subject.settings.jit:
        networks = map(_xla, networks)
    generator, judge_support, judge_main, perceptual = networks
    iterator = iter(subject.batches)
    batch = next(iterator)
    tails = trainer.generator(batch["photo"], training=True)
    support, main = tails["support"], tails["main"]
    guided, revision = guide(settings, support), revision_target(settings, support)
    unit = tf.floor((support + 1.0) * 127.5) / 255.0
    denoised = nl_means(unit, *settings.nl_means)
    constant = tf.concat([batch["photo"], batch["photo_region"], revision, gray(batch["anime"])], axis=0)
    live = tf.concat([guided, main, gray(guided)], axis=0)
    judges = trainer.support_discriminator, trainer.main_discriminator
    weights = [variable for judge in judges for variable in judge.trainable_variables]
    others = tf.concat([gray(batch["anime"]), gray(batch["anime_smooth"])], axis=0)

    def take_batches():
        for _ in range(_DATA_BATCHES):
            next(iterator)

    def draw():
        return generator(batch["photo"], training=True)

    def judge():
        """The fakes' answers serve both players: one gradient goes to the pictures, one to the discriminators."""
        with tf.GradientTape(watch_accessed_variables=False) as tape, tf.GradientTape() as critic_tape:
            tape.watch([guided, main])
            fakes = [judge_support(gray(guided), training=False), judge_main(main, training=False)]
            answers = [*fakes, judge_support(others, training=False), judge_main(revision, training=False)]
            value, critic_value = _mean(fakes), _mean(answers)
        return tape.gradient(value, [guided, main]), critic_tape.gradient(critic_value, weights)

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
        # the generator's regions pass on their own, when they are ready
        Part("perceptual, constant pictures", _compiled(lambda: [perceptual(constant), perceptual(guided)])),
        Part("perceptual, live pictures and gradient", _with_gradient(lambda: perceptual(live), [live])),
        Part("discriminators, both players' gradients", _compiled(judge)),
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
    """A call of `function` and of the gradient of the mean of what it returns, with respect to `sources`."""

    def run():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            value = _mean(function())
        return value, tape.gradient(value, sources)

    return _compiled(run)


def _updates(style, trainer):
    """Adam for all networks and the averaged generator, with gradients of zero, which move nothing."""
    settings = style.train
    judges = trainer.support_discriminator, trainer.main_discriminator
    groups = [trainer.generator.trainable_variables, [v for judge in judges for v in judge.trainable_variables]]
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
