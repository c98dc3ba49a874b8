"""The base of all trainers: one step in seven phases, its guard, gradient accumulation, the averaged generator."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import tensorflow as tf

from animegan3_tf.layers import SpectralNormalization
from animegan3_tf.layers.external_attention import NORM_MOMENTUM
from animegan3_tf.models.weights import KERAS_3, named_weights, weight_name
from animegan3_tf.training.distribution import (
    SummedAdam,
    local_value,
    scaled_gradients,
    scaling_variables,
    set_locally,
    tolerated,
    update,
    with_loss_scaling,
)

if TYPE_CHECKING:
    from animegan3_tf.networks import PerceptualNetwork
    from animegan3_tf.styles import Style
    from animegan3_tf.styles.style import TrainSettings
    from animegan3_tf.training.terms import FeatureTerms


@dataclass(frozen=True)
class Failure:
    """A step that was not finite.

    Attributes:
        step: Its number, from 0.
        values: {name: value} of its loss terms, gradient norms and learning rates.
        batch: {name: float [N, H, W, 3]} as the networks got it, or a device's share of it.
    """

    step: int
    values: dict[str, float]
    batch: dict[str, np.ndarray]

    @property
    def causes(self) -> list[str]:
        """The names of the values that are NaN or infinite."""
        return [name for name, value in self.values.items() if not np.isfinite(value)]

    @property
    def broken_images(self) -> list[str]:
        """The names of the batch's parts that hold NaN or infinite values."""
        return [name for name, images in self.batch.items() if not np.isfinite(images).all()]


class Guard:
    """Checks every step in the graph and ends it with an error at the first value that is not finite.

    A sound step costs one reduction of a few scalars, and nothing waits for it. Only a broken step copies its batch to
    the host. The error that ends the step is a `tf.errors.OpError`, in eager mode a FloatingPointError.

    Attributes:
        failure: The broken step, or None so far.
    """

    def __init__(self) -> None:
        self.failure: Failure | None = None

    def check(
        self, step: tf.Tensor | tf.Variable, values: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
    ) -> None:
        """Adds the check to the graph.

        Args:
            step: Integer scalar, the number of the step from 0.
            values: {name: scalar} to check.
            batch: {name: float [N, H, W, 3]} to keep if a value is not finite.
        """
        names, parts = list(values), list(batch)
        numbers = tf.stack([tf.cast(value, tf.float32) for value in values.values()])

        def stop(step: np.ndarray, numbers: np.ndarray, *images: np.ndarray) -> None:
            failure = Failure(int(step), dict(zip(names, numbers.tolist())), dict(zip(parts, images)))
            # each of several devices comes here with its share of the batch: one with broken images explains most
            if self.failure is None or failure.broken_images:
                self.failure = failure
            raise FloatingPointError(f"step {int(step) + 1}: {', '.join(failure.causes)}")

        def report() -> bool:
            tf.numpy_function(stop, [step, numbers, *batch.values()], [])
            return False

        tf.cond(tf.reduce_all(tf.math.is_finite(numbers)), lambda: True, report)


Nest = TypeVar("Nest")


def accumulated(compute: Callable[[dict[str, tf.Tensor]], Nest], batch: dict[str, tf.Tensor], parts: int) -> Nest:
    """Returns the mean of `compute` over equal parts of a batch, with one part in memory at a time.

    A mean over images equals that of the whole batch. A value that depends on several images jointly does not: the
    attention's batch norm takes its moments over each part.

    Args:
        compute: From a batch {name: [N, ...]} to a nest of float tensors, each a mean over the images, whose shapes do
            not depend on N.
        batch: {name: [N, ...]}, N a multiple of `parts`.
        parts: The number of parts; with 1 the result is `compute(batch)`.

    Returns:
        The nest of means.
    """
    if parts == 1:
        return compute(batch)
    batch = tf.nest.map_structure(lambda x: _in_parts(x, parts), batch)
    compute = tf.function(compute)  # traced once, for the first part and for the loop

    def part(index: tf.Tensor | int) -> Nest:
        return compute(tf.nest.map_structure(lambda x: x[index], batch))

    def add(index: tf.Tensor, total: Nest) -> tuple[tf.Tensor, Nest]:
        return index + 1, tf.nest.map_structure(tf.add, total, part(index))

    _, total = tf.while_loop(lambda index, _: index < parts, add, (1, part(0)), parallel_iterations=1)
    return tf.nest.map_structure(lambda x: x / parts, total)


def _in_parts(x: tf.Tensor, parts: int) -> tf.Tensor:
    """Reshapes [N, ...] to [parts, N / parts, ...] and keeps what is statically known of the shape."""
    known = x.shape
    count = None if known[0] is None else known[0] // parts
    split = tf.reshape(x, tf.concat([[parts, tf.shape(x)[0] // parts], tf.shape(x)[1:]], axis=0))
    return tf.ensure_shape(split, [parts, count, *known[1:]])


class GeneratorAverage:
    """Exponential moving average of a generator's weights in a second generator of the same structure.

    The moving moments of the generator's batch norms start at 0 and 1 and would keep a trace of that for thousands of
    steps. The average removes it, as Adam corrects the bias of its moments, so that a deployed generator of any age
    normalises as it was trained to.

    Args:
        generator: The trained generator.
        average: The generator that holds the average; it is set to the weights of `generator`.
        decay: Decay per step. Early steps use less, (1 + step) / (10 + step), so that the initial weights do not
            dominate the average of a short run.
        momentum: The momentum per step of the generator's batch norms.
    """

    def __init__(
        self, generator: tf.keras.Model, average: tf.keras.Model, decay: float, momentum: float = NORM_MOMENTUM
    ) -> None:
        self.decay, self.momentum = decay, momentum
        average.trainable = False
        sources = named_weights(generator)
        pairs = [(sources[name], weight) for name, weight in named_weights(average).items()]
        self._moments = [(s, w) for s, w in pairs if weight_name(w).endswith(("moving_mean", "moving_variance"))]
        moments = {id(w) for _, w in self._moments}
        self._weights = [(s, w) for s, w in pairs if id(w) not in moments]
        for source, weight in pairs:
            weight.assign(source)

    def update(self, step: tf.Tensor | tf.Variable) -> None:
        """Adds the generator's present weights to the average, in the graph.

        Args:
            step: Integer scalar, the number of the training step just done, from 0.
        """
        count = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + count) / (10.0 + count))
        for source, weight in self._weights:
            weight.assign(decay * weight + (1.0 - decay) * source)
        start = tf.pow(self.momentum, count + 1.0)  # what is left of the moments' initial values
        for source, weight in self._moments:
            initial = 1.0 if weight_name(weight).endswith("moving_variance") else 0.0
            weight.assign((source - start * initial) / (1.0 - start))


PRETRAIN = "pretrain"
ADVERSARIAL = "adversarial"

Batch = dict[str, tf.Tensor]
Terms = dict[str, tf.Tensor]  # {term: scalar}
Gradients = dict[str, list[tf.Tensor]]  # {optimizer: the gradient of each variable that it updates}


class GanTrainer(tf.keras.Model):
    """Generator, its average, discriminators, their optimizers and the step count.

    Train it with `fit` on batches {name: float [N, H, W, 3] in [-1, 1]}, first in the class's `first_phase`, then (see
    `enter_phase`) in "adversarial". The discriminators learn from the same generated images that they have just rated
    for the generator, in one forward pass per step; the original code generates and rates new ones.

    Built within the scope of a `tf.distribute` strategy, it trains on all its replicas: each gets its share of the
    batch, batch norms share their moments, and gradients are those of the whole batch.

    Subclasses define `_pretraining` and `_adversarial`. Both map a batch to its terms {name: scalar} and to gradients
    {optimizer: list}; the optimizers are "pretrain", or "generator" and "discriminator".

    Args:
        style: The style to train.
        network: The perceptual network.
        networks: {name: model} with "generator", "average" and then the discriminators; they become attributes.
        objective: The class of the losses, made from the style and the perceptual network.
        accumulate: Parts in which a replica computes its share of a batch.
        jit: What XLA compiles; "networks" stands for the networks, subclasses add more.
        plain: A generator built outside the strategy's scope, for `deployed`.
    """

    first_phase = PRETRAIN

    def __init__(
        self,
        style: Style,
        network: PerceptualNetwork,
        networks: Mapping[str, tf.keras.Model],
        objective: Callable[[Style, PerceptualNetwork], FeatureTerms],
        accumulate: int = 1,
        jit: Collection[str] = (),
        plain: tf.keras.Model | None = None,
    ) -> None:
        super().__init__(name="trainer")
        settings = style.train
        self.style = style
        self.accumulate = accumulate
        self.replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name, model in networks.items():
            setattr(self, name, model)
        self._discriminators = [model for name, model in networks.items() if name not in ("generator", "average")]
        self._compiles_networks = "networks" in jit
        if self._compiles_networks:
            network = dataclasses.replace(network, model=compiled(network.model))
        self._generate = self._as_called(self.generator)
        self.objective = objective(style, network)
        # every part of an accumulated batch moves the batch norms' moments
        momentum = NORM_MOMENTUM**accumulate
        self.generator_average = GeneratorAverage(self.generator, self.average, settings.ema, momentum)
        self.guard = Guard()
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.phase = self.first_phase
        self._plain = lambda: plain  # in a function: Keras would take its variables for the strategy's
        self.discriminator_variables = [v for model in self._discriminators for v in model.trainable_variables]
        self._build_optimizers(settings)
        self.distribute_reduction_method = "first"  # `train_step` returns the same on every replica
        self.compile(jit_compile=False)  # Keras 3 would compile the whole step on a GPU, which calls the host

    def _maybe_symbolic_build(self, *_: Any, **__: Any) -> None:
        """Keeps Keras 3 on several devices from taking a batch away to build what is built."""

    def _build_optimizers(self, settings: TrainSettings) -> None:
        self.pretrain_optimizer = adam(settings.pretrain_learning_rate, self.generator.trainable_variables)
        self.generator_optimizer = adam(settings.generator_learning_rate, self.generator.trainable_variables)
        self.discriminator_optimizer = adam(settings.discriminator_learning_rate, self.discriminator_variables)

    def enter_phase(self, phase: str) -> None:
        """Switches to the first phase or to "adversarial"; the next `fit` compiles that phase's step."""
        self.phase = phase
        self.make_train_function(force=True)

    @property
    def steps_done(self) -> int:
        """The number of steps trained so far; reading it waits for the device."""
        return int(self.local_value(self.step))

    @property
    def deployed(self) -> tf.keras.Model:
        """The averaged generator, in a form that one process can run and save without the others."""
        plain = self._plain()
        if plain is None:
            return self.average
        for target, source in zip(plain.weights, self.average.weights):
            target.assign(self.local_value(source))
        return plain

    def set_value(self, variable: tf.Variable, value: np.ndarray) -> None:
        """Sets one of the trainer's variables in this process; the other processes need not take part."""
        set_locally(self.distribute_strategy, variable, value)

    def local_value(self, variable: tf.Variable) -> np.ndarray:
        """Returns a variable's value without contacting other processes."""
        return local_value(self.distribute_strategy, variable)

    @tf.autograph.experimental.do_not_convert  # no step has Python's `if` of a tensor; it is traced in half the time
    def train_step(self, batch: Batch) -> Terms:
        """Trains one step of the current phase.

        Args:
            batch: This replica's share of the batch, {name: float [N, H, W, 3] in [-1, 1]}.

        Returns:
            {term: scalar} of the whole batch: the losses, and the norm of each optimizer's gradient.
        """
        # 1. to 4.: images, targets, losses, gradients
        compute = self._adversarial if self.phase == ADVERSARIAL else self._pretraining
        terms, gradients = accumulated(compute, batch, self.accumulate)
        # 5. the whole batch's terms and gradients; the guard ends the step where one of them is not finite
        terms, gradients = self._reduced(terms, gradients)
        terms |= self._guarded(batch, terms, gradients)
        # 6. updates
        if self.phase == ADVERSARIAL:
            for layer in self._spectral_norms:  # once a step, whatever the number of calls
                layer.advance()
        for name, parts in gradients.items():
            optimizer, variables = self._optimized[name]
            update(optimizer, parts, variables)
        # 7. averages and counts
        self.generator_average.update(self.step)
        self.step.assign_add(1)
        if KERAS_3 and isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return {name: value[None] for name, value in terms.items()}  # it takes their mean over a first axis
        return terms

    @property
    def extra_variables(self) -> dict[str, tf.Variable]:
        """Further variables for the run's state, {name: variable}: the loss scales of half precision."""
        optimizers = {name: optimizer for name, (optimizer, _) in self._optimized.items()}
        return {f"{p}/{name}": v for p, o in optimizers.items() for name, v in scaling_variables(o).items()}

    @property
    def _spectral_norms(self) -> list[SpectralNormalization]:
        layers = [layer for model in self._discriminators for layer in model.layers]
        return [layer for layer in layers if isinstance(layer, SpectralNormalization)]

    @property
    def _optimized(self) -> dict[str, tuple[tf.keras.optimizers.Optimizer, list[tf.Variable]]]:
        """{name: (optimizer, the variables that it updates)}."""
        return {
            "pretrain": (self.pretrain_optimizer, self.generator.trainable_variables),
            "generator": (self.generator_optimizer, self.generator.trainable_variables),
            "discriminator": (self.discriminator_optimizer, self.discriminator_variables),
        }

    def _pretraining(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of the first phase."""
        raise NotImplementedError

    def _adversarial(self, batch: Batch) -> tuple[Terms, Gradients]:
        """Computes losses and gradients of generator and discriminators."""
        raise NotImplementedError

    def _as_called(self, network: tf.keras.Model) -> Callable[..., Any]:
        """The network as steps call it: compiled by XLA, if that was asked for."""
        return compiled(network) if self._compiles_networks else network

    def _gradients(self, name: str, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        """The gradients of a loss on the variables that an optimizer updates, for this replica's share of the batch."""
        optimizer, variables = self._optimized[name]
        return scaled_gradients(optimizer, tape, loss, variables, 1.0 / self.replicas)

    def _reduced(self, terms: Terms, gradients: Gradients) -> tuple[Terms, Gradients]:
        """Averages terms and adds up gradients over the replicas, which see equal shares of the batch."""
        if self.replicas == 1:
            return terms, gradients
        replica = tf.distribute.get_replica_context()
        values = replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(list(terms.values())))
        gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        return dict(zip(terms, tf.unstack(values))), gradients

    def _guarded(self, batch: Batch, terms: Terms, gradients: Gradients) -> Terms:
        """Has the guard check all that the updates depend on, and returns the norm of each optimizer's gradient."""
        norms = {name: tf.linalg.global_norm(parts) for name, parts in gradients.items()}
        seen = dict(terms)
        for name, norm in norms.items():
            optimizer, _ = self._optimized[name]
            seen[f"{name}_gradient"] = tolerated(optimizer, norm)
            seen[f"{name}_learning_rate"] = optimizer.learning_rate
        self.guard.check(self.step, seen, batch)
        return {f"{name}_gradient": norm for name, norm in norms.items()}


def adam(
    learning_rate: float | tf.keras.optimizers.schedules.LearningRateSchedule,
    variables: Sequence[tf.Variable],
    beta_1: float = 0.5,
    clip_norm: float | None = None,
) -> tf.keras.optimizers.Optimizer:
    """Builds Adam, with loss scaling where the precision policy needs it.

    Args:
        learning_rate: A number or a Keras schedule.
        variables: The variables that it will update.
        beta_1: Decay of the first moment.
        clip_norm: The norm down to which a larger gradient, over all variables, is scaled; None for no limit.

    Returns:
        The optimizer, whose variables exist.
    """
    optimizer = SummedAdam(learning_rate, beta_1=beta_1, beta_2=0.999, epsilon=1e-8, global_clipnorm=clip_norm)
    optimizer = with_loss_scaling(optimizer)
    optimizer.build(variables)
    return optimizer


def total(terms: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Adds up weighted terms to the loss."""
    return tf.add_n(list(terms.values()))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function compiled by XLA."""
    return tf.function(function, jit_compile=True, autograph=False)
