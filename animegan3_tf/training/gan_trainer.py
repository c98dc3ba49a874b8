"""What the trainers of all generations share: two phases, alternating updates, averages, and a guard."""

import dataclasses

import tensorflow as tf

from animegan3_tf.layers import SpectralNormalization
from animegan3_tf.layers.external_attention import NORM_MOMENTUM
from animegan3_tf.training.accumulation import accumulated
from animegan3_tf.training.distribution import local_value, set_locally
from animegan3_tf.training.ema import GeneratorAverage
from animegan3_tf.training.guard import Guard
from animegan3_tf.training.precision import scaled_gradients, scaling_variables, tolerated, with_loss_scaling

PRETRAIN = "pretrain"
ADVERSARIAL = "adversarial"


class GanTrainer(tf.keras.Model):
    """Generator, its average, discriminators, their optimizers and the step count.

    style: the recipe. network: the perceptual network. networks: {"generator", "average", then the discriminators} by
    name, which become attributes. objective: class of the losses, made from the style and the perceptual network.
    accumulate: parts that a replica's batch is computed in. jit: "networks" has XLA compile those.

    A generation adds `_pretraining` and `_adversarial`: from a batch to its terms {name: scalar} and the gradients
    {player: list} of "pretrain", or of "generator" and "discriminator".

    Train with `fit` on batches {name: float [N, H, W, 3] in [-1, 1]}: first with `phase` "pretrain" (or another
    `first_phase` of the class), then "adversarial" (`enter_phase`). Discriminators learn from the same pictures the
    generator was just judged by, one forward pass a step; upstream draws and judges them anew.

    Built within the scope of a `tf.distribute` strategy, it trains on all its replicas: each gets its share of the
    batch, batch norms share their moments, and gradients are those of the whole batch. plain: a generator built outside
    that scope, for `deployed`.
    """

    first_phase = PRETRAIN

    def __init__(self, style, network, networks, objective, accumulate=1, jit=(), plain=None):
        super().__init__(name="trainer")
        settings = style.train
        self.style = style
        self.accumulate = accumulate
        self.replicas = tf.distribute.get_strategy().num_replicas_in_sync
        for name, model in networks.items():
            setattr(self, name, model)
        self._judges = [model for name, model in networks.items() if name not in ("generator", "average")]
        self._compiles_networks = "networks" in jit
        if self._compiles_networks:
            network = dataclasses.replace(network, model=compiled(network.model))
        self._draw = self._as_called(self.generator)
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
        self._plain = lambda: plain  # by a function: Keras would take its variables for the strategy's
        self.discriminator_variables = [v for judge in self._judges for v in judge.trainable_variables]
        self._build_optimizers(settings)
        self.distribute_reduction_method = "first"  # `train_step` returns the same on every replica
        self.compile()

    def _build_optimizers(self, settings):
        self.pretrain_optimizer = adam(settings.pretrain_learning_rate, self.generator.trainable_variables)
        self.generator_optimizer = adam(settings.generator_learning_rate, self.generator.trainable_variables)
        self.discriminator_optimizer = adam(settings.discriminator_learning_rate, self.discriminator_variables)

    def enter_phase(self, phase):
        """Switches between the first phase and "adversarial"; the next `fit` compiles that phase's step."""
        self.phase = phase
        self.make_train_function(force=True)

    @property
    def steps_done(self):
        """Steps trained so far, an integer; it waits for the device."""
        return int(self.local_value(self.step))

    @property
    def deployed(self):
        """The averaged generator, to be run and saved by one process on its own."""
        plain = self._plain()
        if plain is None:
            return self.average
        for target, source in zip(plain.weights, self.average.weights):
            target.assign(self.local_value(source))
        return plain

    def set_value(self, variable, value):
        """Sets one of its variables in this process; no other one needs to do the same."""
        set_locally(self.distribute_strategy, variable, value)

    def local_value(self, variable):
        """A variable's value, a NumPy array, without asking other processes."""
        return local_value(self.distribute_strategy, variable)

    def train_step(self, batch):
        """One step of the current phase on a replica's batch; returns {term: scalar} of the whole batch."""
        # 1. to 4.: pictures, targets, losses, gradients
        compute = self._adversarial if self.phase == ADVERSARIAL else self._pretraining
        terms, gradients = accumulated(compute, batch, self.accumulate)
        # 5. the whole batch's terms and gradients; nothing that is not finite goes by unseen
        terms, gradients = self._of_all_replicas(terms, gradients)
        terms |= self._guarded(batch, terms, gradients)
        # 6. updates
        if self.phase == ADVERSARIAL:
            for layer in self._spectral_norms:  # once a step, whatever the number of calls
                layer.advance()
        for player, parts in gradients.items():
            optimizer, variables = self._players[player]
            # they are summed already
            options = {"skip_gradients_aggregation": True} if self.replicas > 1 else {}
            optimizer.apply_gradients(zip(parts, variables), **options)
        # 7. averages and counts
        self.generator_average.update(self.step)
        self.step.assign_add(1)
        return terms

    @property
    def extra_variables(self):
        """What else a run's state must hold, {name: variable}: the loss scales of half precision."""
        optimizers = {player: optimizer for player, (optimizer, _) in self._players.items()}
        return {f"{p}/{name}": v for p, o in optimizers.items() for name, v in scaling_variables(o).items()}

    @property
    def _spectral_norms(self):
        layers = [layer for judge in self._judges for layer in judge.layers]
        return [layer for layer in layers if isinstance(layer, SpectralNormalization)]

    @property
    def _players(self):
        return {
            "pretrain": (self.pretrain_optimizer, self.generator.trainable_variables),
            "generator": (self.generator_optimizer, self.generator.trainable_variables),
            "discriminator": (self.discriminator_optimizer, self.discriminator_variables),
        }

    def _as_called(self, network):
        """The network as steps call it: compiled by XLA, if that was asked for."""
        return compiled(network) if self._compiles_networks else network

    def _gradients(self, player, tape, loss):
        optimizer, variables = self._players[player]
        return scaled_gradients(optimizer, tape, loss, variables, 1.0 / self.replicas)

    def _of_all_replicas(self, terms, gradients):
        """Terms averaged and gradients added up over the replicas, which see equal shares of the batch."""
        if self.replicas == 1:
            return terms, gradients
        replica = tf.distribute.get_replica_context()
        values = replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.stack(list(terms.values())))
        gradients = replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        return dict(zip(terms, tf.unstack(values))), gradients

    def _guarded(self, batch, terms, gradients):
        """The norm of each player's gradient, once the guard has seen all that the updates depend on."""
        norms = {player: tf.linalg.global_norm(parts) for player, parts in gradients.items()}
        seen = dict(terms)
        for player, norm in norms.items():
            optimizer, _ = self._players[player]
            seen[f"{player}_gradient"] = tolerated(optimizer, norm)
            seen[f"{player}_learning_rate"] = optimizer.learning_rate
        self.guard.check(self.step, seen, batch)
        return {f"{player}_gradient": norm for player, norm in norms.items()}


def adam(learning_rate, variables, beta_1=0.5, clip_norm=None):
    """Adam for `variables`, with loss scaling where the precision policy needs it.

    learning_rate: number or Keras schedule. clip_norm: the norm that the whole gradient is scaled down to.
    """
    optimizer = tf.keras.optimizers.Adam(
        learning_rate, beta_1=beta_1, beta_2=0.999, epsilon=1e-8, global_clipnorm=clip_norm
    )
    optimizer = with_loss_scaling(optimizer)
    optimizer.build(variables)
    return optimizer


def total(terms):
    """The sum of weighted terms, which is the loss."""
    return tf.add_n(list(terms.values()))


def compiled(function):
    """The function, compiled by XLA."""
    return tf.function(function, jit_compile=True)
