"""Training on pairs as a Keras model: the generator learns what a teacher drew of the same photos."""

from __future__ import annotations

import tensorflow as tf

from animegan3_tf.networks.pair_discriminator import build_pair_discriminator
from animegan3_tf.networks.weights import build_deployed
from animegan3_tf.training.gan_trainer import GanTrainer, adam, total
from animegan3_tf.training.pair_objective import COIN, PairObjective
from animegan3_tf.training.precision import scaled_gradients

PAIRS = "pairs"
_DECAY = 0.95  # of the discriminator's mean loss
_LEAST_NORM = 1e-12


class PairTrainer(GanTrainer):
    """The deployed generator, its average, the discriminator if the style has one, their optimizers and the step count.

    Batches are {photo, drawing}, of any shape. In the first phase, "pairs", the generator learns without the
    discriminator; in "adversarial" it listens to it once that has learnt for some steps, as long as it is better than a
    coin. steps: of the whole run, over which the learning rate falls. All else as for `GanTrainer`.
    """

    first_phase = PAIRS

    def __init__(self, style, network, steps, accumulate=1, jit=(), plain=None):
        self._run_steps = steps
        networks = {name: build_deployed(style.generator, style.train.resize) for name in ("generator", "average")}
        if style.pairs.discriminator:
            networks["discriminator"] = build_pair_discriminator()
        super().__init__(style, network, networks, PairObjective, accumulate, jit, plain)
        if style.pairs.discriminator:
            self._judge = self._as_called(self.discriminator)
            self.discriminator_loss = tf.Variable(
                COIN, trainable=False, name="discriminator_loss", aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
            )

    def train_step(self, batch):
        """One step, see `GanTrainer.train_step`; follows how well the discriminator does."""
        terms = super().train_step(batch)
        if "discriminator_pair" in terms:
            self.discriminator_loss.assign(
                _DECAY * self.discriminator_loss + (1.0 - _DECAY) * terms["discriminator_pair"]
            )
        return terms

    @property
    def extra_variables(self):
        """What else a run's state must hold, {name: variable}: with a discriminator, its mean loss."""
        own = {"discriminator_loss": self.discriminator_loss} if self.style.pairs.discriminator else {}
        return {**super().extra_variables, **own}

    @property
    def _players(self):
        players = {"generator": (self.generator_optimizer, self.generator.trainable_variables)}
        if self.style.pairs.discriminator:
            players["discriminator"] = (self.discriminator_optimizer, self.discriminator_variables)
        return players

    def _build_optimizers(self, settings):
        pairs, variables = self.style.pairs, self.generator.trainable_variables
        rate = warm_cosine(settings.generator_learning_rate, pairs.warmup_steps, self._run_steps)
        self.generator_optimizer = adam(rate, variables, pairs.beta_1, pairs.clip_norm)
        if pairs.discriminator:
            self.discriminator_optimizer = adam(settings.discriminator_learning_rate, self.discriminator_variables)

    def _pretraining(self, batch):
        """Losses and gradients without the discriminator: ({term: scalar}, {"generator": gradients})."""
        with tf.GradientTape() as tape:
            terms = self.objective.generator(batch["drawing"], self._draw(batch["photo"], training=True))
            loss = total(terms)
        return {"loss": loss, **terms}, {"generator": self._gradients("generator", tape, loss)}

    def _adversarial(self, batch):
        """Losses and gradients of both players: ({term: scalar}, {"generator": ..., "discriminator": ...})."""
        photo, drawing = batch["photo"], batch["drawing"]
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            result = self._draw(photo, training=True)
            with tape.stop_recording():
                with tf.GradientTape(persistent=True) as result_tape:
                    result_tape.watch(result)
                    # 2. how far the results are from the drawings
                    terms = self.objective.generator(drawing, result)
                    distance = total(terms)
                    # 3. the discriminator's answers; that to the results serves both players
                    with tf.GradientTape() as critic_tape:
                        logits = self._judge([photo, result], training=True)
                        critic_terms = self.objective.discriminator(
                            self._judge([photo, drawing], training=True), logits
                        )
                        critic_loss = total(critic_terms)
                    adversarial = self.objective.adversarial(logits)
                # 4. gradients on the results, in which the discriminator has its share
                (of_distance,) = scaled_gradients(self.generator_optimizer, result_tape, distance, [result])
                (of_answer,) = scaled_gradients(self.generator_optimizer, result_tape, adversarial, [result])
                del result_tape
                weight = self._listening() * self._weight(of_distance, of_answer)
                wanted = of_distance + weight * of_answer
            # its gradient is that of the loss, in one pass back through the generator
            slope = tf.reduce_sum(wanted * result)
        gradients = {
            "generator": self._gradients("generator", tape, slope),
            "discriminator": self._gradients("discriminator", critic_tape, critic_loss),
        }
        terms["adversarial"] = weight * adversarial
        return {"loss": total(terms), **terms, "adversarial_weight": weight, **critic_terms}, gradients

    def _listening(self):
        """1 where the discriminator has learnt long enough and tells results from drawings, else 0."""
        pairs = self.style.pairs
        learnt = self.discriminator_optimizer.iterations >= pairs.discriminator_alone
        return tf.cast(tf.logical_and(learnt, self.discriminator_loss < pairs.discriminator_limit), tf.float32)

    def _weight(self, of_distance, of_answer):
        """What makes the norm of the discriminator's gradient its share of the others'."""
        ratio = tf.norm(of_distance) / tf.maximum(tf.norm(of_answer), _LEAST_NORM)
        # an overflow of half precision, which the loss scale cures, must not end the run
        return self.style.pairs.discriminator_share * tf.where(tf.math.is_finite(ratio), ratio, 0.0)


def warm_cosine(rate: float, warmup_steps: int, steps: int) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """The schedule of Loshchilov & Hutter (2017, eq. 5) without restarts, after a straight rise from 0.

    Args:
        rate: The highest learning rate.
        warmup_steps: Steps of the rise; at most a tenth of all.
        steps: All steps, at the last of which the rate is 0 again.

    Returns:
        The schedule, from a step's number to its rate.
    """
    warmup_steps = min(warmup_steps, steps // 10)
    if not warmup_steps:
        return tf.keras.optimizers.schedules.CosineDecay(rate, steps)
    return tf.keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup_steps, warmup_target=rate, warmup_steps=warmup_steps
    )
