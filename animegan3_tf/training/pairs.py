"""Training on pairs: the losses, and the training as a Keras model."""

from __future__ import annotations

from collections.abc import Collection

import tensorflow as tf

from animegan3_tf import losses
from animegan3_tf.models.weights import build_deployed
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.networks.patch_discriminator import build_pair_discriminator
from animegan3_tf.styles.style import Style, TrainSettings
from animegan3_tf.training.collapse import CONTRAST, contrast
from animegan3_tf.training.distribution import scaled_gradients
from animegan3_tf.training.terms import FeatureTerms, paired_weights
from animegan3_tf.training.trainer import Batch, GanTrainer, Gradients, Terms, adam, total

UNDECIDED_LOSS = 0.25  # of a discriminator that answers 0.5 to every image


class PairObjective(FeatureTerms):
    """Loss terms {name: scalar}, already weighted; those of `generator` add up to its loss.

    All images are float [N, H, W, 3] in [-1, 1].
    """

    def generator(self, drawing: tf.Tensor, result: tf.Tensor, eyes: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """Computes the distance of the result from the drawing in pixels, edges, blocks and perceptual features.

        Args:
            drawing: The teacher's drawing of the photo.
            result: The generator's image of the photo.
            eyes: Float [N, H, W, 1], 1 about the eyes, where pixels and features weigh more by the style's `eyes`.

        Returns:
            The terms "pixels", "differences", "blocks" and "features_TAP".
        """
        pairs = self.style.pairs
        ink = losses.ink_weights(drawing, pairs.ink, pairs.ink_contrast, pairs.ink_window)
        if eyes is not None:
            ink += pairs.eyes * eyes
        terms = {
            "pixels": pairs.pixels * losses.l1_loss(drawing, result, ink),
            "differences": pairs.differences * losses.neighbour_difference_loss(drawing, result),
            "blocks": pairs.blocks * losses.block_mean_loss(drawing, result),
        }
        wanted, seen = self.network(drawing), self.network(result)
        for tap, weight in paired_weights(self.style, self.network.family).features.items():
            weights = None
            if eyes is not None:
                weights = 1.0 + pairs.eyes * tf.image.resize(eyes, tf.shape(seen[tap])[1:3], "area")
            scale = self.network.scales[tap]
            distance = losses.feature_distance(tf.stop_gradient(wanted[tap]), seen[tap], scale, weights)
            terms[f"features_{tap}"] = weight * distance
        return terms

    def adversarial(self, logits: tf.Tensor) -> tf.Tensor:
        """Computes the generator's adversarial loss, unweighted (least squares, Mao et al. 2017, eq. 9).

        Args:
            logits: Float [N, h, w, 1], the discriminator's logits for photos with results.

        Returns:
            Scalar, mean (logits - 1)^2.
        """
        return losses.generator_loss(logits)

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor) -> dict[str, tf.Tensor]:
        """Computes the discriminator's loss: least squares (Mao et al. 2017, eq. 9), see `UNDECIDED_LOSS`.

        Args:
            real: Float [N, h, w, 1], its logits for photos with drawings.
            fake: Its logits for photos with results.

        Returns:
            The term "discriminator_pair".
        """
        return {"discriminator_pair": losses.discriminator_loss(real, [(0.5, fake)], real_weight=0.5)}


PAIRS = "pairs"
_DECAY = 0.95  # of the discriminator's mean loss
_LEAST_NORM = 1e-12


class PairTrainer(GanTrainer):
    """The deployed generator, its average, the discriminator if the style has one, their optimizers and the step count.

    Batches are {"photo", "drawing"}, of any shape. In the first phase, "pairs", the generator learns without the
    discriminator. In "adversarial" the discriminator first learns alone for some steps; from then on its gradient
    reaches the generator while its mean loss is below the style's limit, which means that it does better than chance.

    Args:
        style: A style with objective "pairs".
        network: The perceptual network.
        steps: All steps of the run, over which the learning rate falls.
        accumulate: See `GanTrainer`.
        jit: See `GanTrainer`.
        plain: See `GanTrainer`.
    """

    first_phase = PAIRS
    objective: PairObjective

    def __init__(
        self,
        style: Style,
        network: PerceptualNetwork,
        steps: int,
        accumulate: int = 1,
        jit: Collection[str] = (),
        plain: tf.keras.Model | None = None,
    ) -> None:
        self._run_steps = steps
        networks = {name: build_deployed(style.generator, style.train.resize) for name in ("generator", "average")}
        if style.pairs.discriminator:
            networks["discriminator"] = build_pair_discriminator()
        super().__init__(style, network, networks, PairObjective, accumulate, jit, plain)
        if style.pairs.discriminator:
            self._discriminate = self._as_called(self.discriminator)
            first = tf.VariableAggregation.ONLY_FIRST_REPLICA
            self.discriminator_loss = tf.Variable(
                UNDECIDED_LOSS, trainable=False, name="discriminator_loss", aggregation=first
            )

    def train_step(self, batch: Batch) -> Terms:
        """Trains one step, see `GanTrainer.train_step`, and updates the discriminator's mean loss."""
        terms = super().train_step(batch)
        if "discriminator_pair" in terms:
            newest = (1.0 - _DECAY) * terms["discriminator_pair"]
            self.discriminator_loss.assign(_DECAY * self.discriminator_loss + newest)
        return terms

    @property
    def extra_variables(self) -> dict[str, tf.Variable]:
        """Further variables for the run's state, {name: variable}: with a discriminator also its mean loss."""
        own = {"discriminator_loss": self.discriminator_loss} if self.style.pairs.discriminator else {}
        return {**super().extra_variables, **own}

    @property
    def _optimized(self) -> dict[str, tuple[tf.keras.optimizers.Optimizer, list[tf.Variable]]]:
        optimized = {"generator": (self.generator_optimizer, self.generator.trainable_variables)}
        if self.style.pairs.discriminator:
            optimized["discriminator"] = (self.discriminator_optimizer, self.discriminator_variables)
        return optimized

    def _build_optimizers(self, settings: TrainSettings) -> None:
        pairs, variables = self.style.pairs, self.generator.trainable_variables
        rate = warm_cosine(settings.generator_learning_rate, pairs.warmup_steps, self._run_steps)
        self.generator_optimizer = adam(rate, variables, pairs.beta_1, pairs.clip_norm)
        if pairs.discriminator:
            self.discriminator_optimizer = adam(settings.discriminator_learning_rate, self.discriminator_variables)

    def _pretraining(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients without the discriminator."""
        with tf.GradientTape() as tape:
            result = self._generate(batch["photo"], training=True)
            terms = self.objective.generator(batch["drawing"], result, batch.get("eyes"))
            loss = total(terms)
        terms |= {CONTRAST: contrast(batch["photo"], result)}
        return {"loss": loss, **terms}, {"generator": self._gradients("generator", tape, loss)}

    def _adversarial(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of generator and discriminator."""
        photo, drawing = batch["photo"], batch["drawing"]
        with tf.GradientTape() as tape:
            # 1. photos through the generator
            result = self._generate(photo, training=True)
            with tape.stop_recording():
                with tf.GradientTape(persistent=True) as result_tape:
                    result_tape.watch(result)
                    # 2. how far the results are from the drawings
                    terms = self.objective.generator(drawing, result, batch.get("eyes"))
                    distance = total(terms)
                    # 3. the discriminator's logits; both losses use those of the results
                    with tf.GradientTape() as discriminator_tape:
                        logits = self._discriminate([photo, result], training=True)
                        discriminator_terms = self.objective.discriminator(
                            self._discriminate([photo, drawing], training=True), logits
                        )
                        discriminator_loss = total(discriminator_terms)
                    adversarial = self.objective.adversarial(logits)
                # 4. gradients on the results, in which the discriminator has its share
                (distance_gradient,) = scaled_gradients(self.generator_optimizer, result_tape, distance, [result])
                (adversarial_gradient,) = scaled_gradients(self.generator_optimizer, result_tape, adversarial, [result])
                del result_tape
                weight = self._gate() * self._weight(distance_gradient, adversarial_gradient)
                wanted = distance_gradient + weight * adversarial_gradient
            # its gradient is that of the loss, in one pass back through the generator
            slope = tf.reduce_sum(wanted * result)
        gradients = {
            "generator": self._gradients("generator", tape, slope),
            "discriminator": self._gradients("discriminator", discriminator_tape, discriminator_loss),
        }
        terms["adversarial"] = weight * adversarial
        more = {"adversarial_weight": weight, **discriminator_terms, CONTRAST: contrast(photo, result)}
        return {"loss": total(terms), **terms, **more}, gradients

    def _gate(self) -> tf.Tensor:
        """1.0 where the discriminator has learnt alone for long enough and its mean loss is low enough, else 0.0."""
        pairs = self.style.pairs
        learnt = self.discriminator_optimizer.iterations >= pairs.discriminator_alone
        return tf.cast(tf.logical_and(learnt, self.discriminator_loss < pairs.discriminator_limit), tf.float32)

    def _weight(self, distance_gradient: tf.Tensor, adversarial_gradient: tf.Tensor) -> tf.Tensor:
        """The factor that brings the norm of the adversarial gradient to the style's share of the other's norm.

        Both gradients are float [N, H, W, 3] on the results; their norms are taken over the whole batch.
        """
        squares = tf.stack([tf.reduce_sum(tf.square(g)) for g in (distance_gradient, adversarial_gradient)])
        if self.replicas > 1:
            squares = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, squares)
        norms = tf.sqrt(squares)
        ratio = norms[0] / tf.maximum(norms[1], _LEAST_NORM)
        # an overflow of half precision, which the loss scale cures, must not end the run
        return self.style.pairs.discriminator_share * tf.where(tf.math.is_finite(ratio), ratio, 0.0)


def warm_cosine(rate: float, warmup_steps: int, steps: int) -> tf.keras.optimizers.schedules.LearningRateSchedule:
    """Builds the schedule of Loshchilov & Hutter (2017, eq. 5) without restarts, after a linear rise from 0.

    Args:
        rate: The highest learning rate.
        warmup_steps: Steps of the rise; more than a tenth of all steps counts as a tenth.
        steps: All steps; at the last one the rate is 0 again.

    Returns:
        The schedule, from a step's number to its rate.
    """
    warmup_steps = min(warmup_steps, steps // 10)
    if not warmup_steps:
        return tf.keras.optimizers.schedules.CosineDecay(rate, steps)
    return tf.keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup_steps, warmup_target=rate, warmup_steps=warmup_steps
    )
