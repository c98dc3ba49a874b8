"""The parts of an adversarial step, each compiled for itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf.filters import l0_smooth, nl_means
from animegan3_tf.networks import build_generator
from animegan3_tf.training.ema import GeneratorAverage
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
    style, trainer, network = subject.style, subject.trainer, subject.network
    iterator = iter(subject.batches)
    batch = next(iterator)
    photo, settings = batch["photo"], style.target
    tails = trainer.generator(photo, training=True)
    support, main = tails["support"], tails["main"]
    guided, revision = guide(settings, support), revision_target(settings, support)
    constant = tf.concat([photo, batch["photo_region"], guided, revision, _gray(batch["anime"])], axis=0)
    live = tf.concat([guided, main, _gray(guided)], axis=0)
    judged = [tf.concat([_gray(batch["anime"]), _gray(guided), _gray(batch["anime_smooth"])], axis=0)]
    judged.append(tf.concat([revision, main], axis=0))
    judges = trainer.support_discriminator, trainer.main_discriminator
    unit = tf.floor((support + 1.0) * 127.5) / 255.0
    denoised = nl_means(unit, *settings.nl_means)

    def take_batches():
        for _ in range(_DATA_BATCHES):
            next(iterator)

    def answers(pictures, training):
        return [judge(images, training=training) for judge, images in zip(judges, pictures)]

    whole, target = "generator, forward and backward", "revision target"
    weights = trainer.generator.trainable_variables
    judging = [variable for judge in judges for variable in judge.trainable_variables]
    seen = [_gray(guided), main]
    return [
        Part("data", take_batches, calls=_DATA_BATCHES),
        Part("generator, forward", _compiled(lambda: trainer.generator(photo, training=True)), within=whole),
        Part(whole, _with_gradient(lambda: trainer.generator(photo, training=True), weights)),
        Part("guided filter, forward and backward", _with_gradient(lambda: guide(settings, support), [support])),
        Part(target, _compiled(lambda: revision_target(settings, support))),
        Part("NL-means", _compiled(lambda: nl_means(unit, *settings.nl_means)), within=target),
        Part("L0", _compiled(lambda: l0_smooth(denoised, settings.revision_l0_lambda)), within=target),
        Part(f"region target ({settings.region_target})", _compiled(lambda: subject.region(guided))),
        Part("perceptual, constant pictures", _compiled(lambda: network(constant))),
        Part("perceptual, live pictures and gradient", _with_gradient(lambda: network(live), [live])),
        Part("discriminators, for the generator", _with_gradient(lambda: answers(seen, training=False), seen)),
        Part("discriminators, own loss", _with_gradient(lambda: answers(judged, training=True), judging)),
        Part("optimizers and average", _updates(style, trainer)),
    ]


def _gray(images):
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(images))


def _compiled(function):
    return tf.function(function, autograph=False)


def _with_gradient(function, sources):
    """A call of `function` and of the gradient of the mean of what it returns, with respect to `sources`."""

    def run():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)
            value = tf.add_n([tf.reduce_mean(tf.cast(t, tf.float32)) for t in tf.nest.flatten(function())])
        return value, tape.gradient(value, sources)

    return _compiled(run)


def _updates(style, trainer):
    """Adam for all networks and the averaged generator, with gradients of zero, which move nothing."""
    settings = style.train
    groups = [trainer.generator.trainable_variables]
    groups.append([*trainer.support_discriminator.trainable_variables, *trainer.main_discriminator.trainable_variables])
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
