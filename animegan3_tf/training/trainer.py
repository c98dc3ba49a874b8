"""The two-phase training of AnimeGANv3 as a Keras model."""

import tensorflow as tf

from animegan3_tf.networks import build_discriminator, build_generator
from animegan3_tf.training.ema import GeneratorAverage
from animegan3_tf.training.objective import Objective, gray
from animegan3_tf.training.targets import guide, revision_target

PRETRAIN = "pretrain"
ADVERSARIAL = "adversarial"


class Trainer(tf.keras.Model):
    """Generator, its average, two discriminators, their optimizers and the step count.

    style: the recipe. network: the perceptual network. region_target: graph function from the support pictures to
    their region target (`training.targets.region_target`).

    Train with `fit` on batches {photo, photo_region, anime, anime_smooth}, float [N, H, W, 3] in [-1, 1]: first with
    `phase` "pretrain", then "adversarial" (`enter_phase`). Discriminators learn from the same pictures the generator
    was just updated with, one forward pass a step; upstream draws them anew.
    """

    def __init__(self, style, network, region_target):
        super().__init__(name="trainer")
        settings = style.train
        self.style = style
        self.objective = Objective(style, network)
        self.region_target = region_target
        self.generator = build_generator(resize=settings.resize)
        self.average = build_generator(resize=settings.resize)
        self.support_discriminator = build_discriminator(name="support_discriminator")
        self.main_discriminator = build_discriminator(name="main_discriminator")
        self.generator_average = GeneratorAverage(self.generator, self.average, settings.ema)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.phase = PRETRAIN
        discriminators = [
            *self.support_discriminator.trainable_variables,
            *self.main_discriminator.trainable_variables,
        ]
        self.discriminator_variables = discriminators
        self.pretrain_optimizer = _adam(settings.pretrain_learning_rate, self.generator.trainable_variables)
        self.generator_optimizer = _adam(settings.generator_learning_rate, self.generator.trainable_variables)
        self.discriminator_optimizer = _adam(settings.discriminator_learning_rate, discriminators)
        self.compile()

    def enter_phase(self, phase):
        """Switches between "pretrain" and "adversarial"; the next `fit` compiles that phase's step."""
        self.phase = phase
        self.make_train_function(force=True)

    def call(self, photo, training=False):
        """Both tails' pictures of the averaged generator, {"support", "main"}."""
        return self.average(photo, training=training)

    def train_step(self, batch):
        """One step of the current phase; returns {term: scalar}."""
        terms = self._pretrain_step(batch) if self.phase == PRETRAIN else self._adversarial_step(batch)
        self.generator_average.update(self.step)
        self.step.assign_add(1)
        return terms

    def _pretrain_step(self, batch):
        photo = batch["photo"]
        with tf.GradientTape() as tape:
            tails = self.generator(photo, training=True)
            terms = self.objective.pretraining(photo, guide(self.style.target, tails["support"]), tails["main"])
            loss = _total(terms)
        _apply(self.pretrain_optimizer, tape, loss, self.generator.trainable_variables)
        return {"loss": loss, **terms}

    def _adversarial_step(self, batch):
        target = self.style.target
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            tails = self.generator(batch["photo"], training=True)
            support, main = guide(target, tails["support"]), tails["main"]
            # 2. targets from its own pictures, and all features that carry no gradient
            with tape.stop_recording():
                revision = revision_target(target, tails["support"])
                constant = self.objective.constant_features(
                    photo=batch["photo"],
                    photo_region=batch["photo_region"],
                    fake_region=self.region_target(support),
                    revision=revision,
                    anime_gray=gray(batch["anime"]),
                )
            # 3. generator losses and update
            terms = self.objective.generator(
                {"photo": batch["photo"], "support": support, "main": main, "revision": revision},
                constant,
                self.support_discriminator(gray(support), training=False),
                self.main_discriminator(main, training=False),
            )
            loss = _total(terms)
        _apply(self.generator_optimizer, tape, loss, self.generator.trainable_variables)
        # 4. discriminator losses and update, each network's pictures in one pass
        support, main = tf.stop_gradient(support), tf.stop_gradient(main)
        with tf.GradientTape() as tape:
            pictures = [gray(images) for images in (batch["anime"], support, batch["anime_smooth"])]
            judged = self.support_discriminator(tf.concat(pictures, axis=0), training=True)
            refused = self.main_discriminator(tf.concat([revision, main], axis=0), training=True)
            critic = {
                **self.objective.support_discriminator(*tf.split(judged, 3, axis=0)),
                **self.objective.main_discriminator(*tf.split(refused, 2, axis=0)),
            }
            critic_loss = _total(critic)
        _apply(self.discriminator_optimizer, tape, critic_loss, self.discriminator_variables)
        return {"loss": loss, **terms, **critic}


def _adam(learning_rate, variables):
    optimizer = tf.keras.optimizers.Adam(learning_rate, beta_1=0.5, beta_2=0.999, epsilon=1e-8)
    optimizer.build(variables)
    return optimizer


def _apply(optimizer, tape, loss, variables):
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))


def _total(terms):
    return tf.add_n(list(terms.values()))
