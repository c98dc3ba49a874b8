"""How steps are computed: in full or half precision, on one device or several."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import parse_json
from animegan3_tf.models.weights import KERAS_3, plain

if TYPE_CHECKING:
    from animegan3_tf.data.dataset import TrainingData
    from animegan3_tf.data.pair_dataset import PairBatches

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


def half_precision() -> str:
    """Returns the half-precision policy for this machine: float16 on a GPU, bfloat16 on a CPU (no float16 units)."""
    return "mixed_float16" if tf.config.list_physical_devices("GPU") else "mixed_bfloat16"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Sets Keras' mixed precision policy for layers that are built in the `with` block.

    Weights stay float32, and so do LADE's moments, the attention's softmax, Gram matrices, distances and filters.

    Args:
        name: One of `POLICIES`.

    Raises:
        UserError: `name` is not one of them.
    """
    if name not in POLICIES:
        raise UserError(f"precision is {name!r}; it must be one of {', '.join(POLICIES)}")
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


class SummedAdam(tf.keras.optimizers.Adam):
    """Adam for gradients that are added up over the replicas before: Keras 3 has no option that leaves them so."""

    def _all_reduce_sum_gradients(self, pairs: list) -> list:
        return pairs


def with_loss_scaling(optimizer: tf.keras.optimizers.Optimizer) -> tf.keras.optimizers.Optimizer:
    """Wraps the optimizer in loss scaling under a float16 policy, whose gradients would vanish without it."""
    if tf.keras.mixed_precision.global_policy().compute_dtype == "float16":
        return tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def scaled_gradients(
    optimizer: tf.keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    loss: tf.Tensor,
    variables: Sequence[tf.Variable | tf.Tensor],
    weight: float = 1.0,
) -> list[tf.Tensor]:
    """Computes the gradients of `weight * loss`, through the optimizer's loss scale where it has one.

    Args:
        optimizer: Its loss scale is used.
        tape: The tape that recorded the loss.
        loss: Scalar.
        variables: What to differentiate by.
        weight: Factor on the loss.

    Returns:
        The unscaled gradient by each variable.
    """
    weight = tf.constant(weight, loss.dtype)
    if not _scales(optimizer):
        return tape.gradient(loss, variables, output_gradients=weight)
    scale = tf.cast(loss_scale(optimizer), loss.dtype)
    gradients = tape.gradient(loss, variables, output_gradients=weight * scale)
    return [gradient / tf.cast(scale, gradient.dtype) for gradient in gradients]


def update(
    optimizer: tf.keras.optimizers.Optimizer, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]
) -> None:
    """Updates variables with gradients of the whole batch.

    Args:
        optimizer: Made by `trainer.adam`.
        gradients: Unscaled, and added up over the replicas.
        variables: The variables.
    """
    if KERAS_3:
        if _scales(optimizer):  # it takes them scaled; a power of two changes no bit
            gradients = [gradient * loss_scale(optimizer) for gradient in gradients]
        optimizer.apply_gradients(zip(gradients, variables))
        return
    several = tf.distribute.get_strategy().num_replicas_in_sync > 1
    options = {"skip_gradients_aggregation": True} if several else {}
    optimizer.apply_gradients(zip(gradients, variables), **options)


def tolerated(optimizer: tf.keras.optimizers.Optimizer, norm: tf.Tensor) -> tf.Tensor:
    """Returns a gradient norm for the guard: 0 for an overflow that a smaller loss scale can still cure."""
    if not _scales(optimizer):
        return norm
    curable = tf.logical_and(loss_scale(optimizer) > 1.0, tf.logical_not(tf.math.is_finite(norm)))
    return tf.where(curable, 0.0, norm)


def loss_scale(optimizer: tf.keras.optimizers.Optimizer) -> tf.Tensor:
    """Returns the factor of an optimizer that scales the loss."""
    return tf.convert_to_tensor(optimizer.dynamic_scale if KERAS_3 else optimizer.loss_scale)


def scaling_variables(optimizer: tf.keras.optimizers.Optimizer) -> dict[str, tf.Variable]:
    """Returns the variables of the loss scale for a run's state, {name: variable}; empty without one."""
    if not _scales(optimizer):
        return {}
    if KERAS_3:
        return {"loss_scale": optimizer.dynamic_scale, "counter": optimizer.step_counter}
    # Keras 2.15 shows the counter but not the variable behind `loss_scale`
    return {"loss_scale": optimizer._loss_scale.current_loss_scale, "counter": optimizer.dynamic_counter}


def _scales(optimizer: tf.keras.optimizers.Optimizer) -> bool:
    return isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)


class Distribution:
    """The devices of a run, in one process or in several ("workers").

    Every worker must call the methods that exchange data (`check_same`, `of_chief`, `total`) at the same points of the
    run.

    Args:
        strategy: A strategy of `tf.distribute`; TensorFlow's default, one device, if None.
        worker: The number of this process, from 0, the chief.
        workers: The number of processes.
    """

    def __init__(self, strategy: tf.distribute.Strategy | None = None, worker: int = 0, workers: int = 1) -> None:
        self.strategy, self.worker, self.workers = strategy or tf.distribute.get_strategy(), worker, workers
        signature = [tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.bool)]
        self._sum = tf.function(self._summed, input_signature=signature, autograph=False)

    @property
    def replicas(self) -> int:
        """The number of devices that share a batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def chief(self) -> bool:
        """Whether this process writes the run folder."""
        return self.worker == 0

    def distribute(
        self, data: TrainingData | PairBatches, start_step: int
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """Returns the batches from a step on; each element is a replica's share of a batch."""
        if self.replicas == 1:
            return data.batches(start_step)
        return self.strategy.distribute_datasets_from_function(
            lambda _: data.batches(start_step, self.worker, self.workers, self.replicas)
        )

    @contextlib.contextmanager
    def contact(self) -> Iterator[None]:
        """Turns the errors of a `with` block that come from a lost worker into a UserError."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            if self.workers == 1:
                raise
            raise UserError(
                f"worker {self.worker} lost contact with another worker ({type(error).__name__}); read the output of "
                "that one, then start all of them again, with --resume if there is a checkpoint"
            ) from error

    def check_same(self, text: str) -> None:
        """Raises UserError, on every worker, unless all of them have the chief's text (the configuration's digest)."""
        own = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
        differs = not np.array_equal(self.of_chief([own])[0], own)
        if self.total([differs]).any():  # all of them end, so that none waits for a lost one
            raise UserError("the workers were started with different settings; give all of them the same command")

    def of_chief(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the chief's arrays, equal to the bit, on every worker.

        Args:
            arrays: This worker's arrays, of the same shapes and types on each worker.
        """
        if self.workers == 1:
            return list(arrays)
        data = b"".join(array.tobytes() for array in arrays)
        words = np.frombuffer(data + bytes(-len(data) % 8), np.int64)
        data = self._exchanged(words, all_workers=False).tobytes()
        ends = np.cumsum([array.nbytes for array in arrays])
        parts = (data[end - array.nbytes : end] for array, end in zip(arrays, ends))
        return [np.frombuffer(part, array.dtype).reshape(array.shape) for part, array in zip(parts, arrays)]

    def total(self, counts: Sequence[int]) -> np.ndarray:
        """Adds up small counts over the workers.

        Args:
            counts: This worker's counts.

        Returns:
            int64 array of the sums, in which each worker's counts enter once per device. So only the difference between
            0 and any other value is meaningful: a sum is 0 where the count of every worker is 0.
        """
        own = np.asarray(counts, np.int64)
        return own if self.workers == 1 else self._exchanged(own, all_workers=True)

    def _exchanged(self, words: np.ndarray, all_workers: bool) -> np.ndarray:
        """The sum of int64 words over all devices, or the words of the chief's first device."""
        return local_value(self.strategy, self._sum(tf.constant(words), tf.constant(all_workers)))

    def _summed(self, words: tf.Tensor, all_workers: tf.Tensor) -> tf.Tensor:
        def share(words: tf.Tensor) -> tf.Tensor:
            replica = tf.distribute.get_replica_context()
            counts = tf.logical_or(all_workers, tf.equal(replica.replica_id_in_sync_group, 0))
            words = tf.where(counts, words, tf.zeros_like(words))
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, words)

        return self.strategy.run(share, args=(words,))


def choose_distribution() -> Distribution:
    """Returns the hosts of TF_CONFIG, else all GPUs that TensorFlow sees, else one device.

    With TF_CONFIG (https://www.tensorflow.org/guide/distributed_training#TF_CONFIG) it must be called before TensorFlow
    runs anything, since collectives must be set up first; it waits for the other workers. Without GPUs, logical CPU
    devices take their place; there is one of them unless the caller configured more.

    Raises:
        UserError: TF_CONFIG is malformed.
    """
    worker, workers = cluster_position()
    if workers > 1:
        return Distribution(tf.distribute.MultiWorkerMirroredStrategy(), worker, workers)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return Distribution(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Distribution()


def cluster_position() -> tuple[int, int]:
    """Reads from TF_CONFIG which process this is.

    Returns:
        This process's number, 0 for the chief or, without a chief, for the first worker; and the number of processes.

    Raises:
        UserError: TF_CONFIG is malformed.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return 0, 1
    try:
        settings = parse_json(text)
        cluster, task = settings.get("cluster", {}), settings.get("task", {})
        counts = {kind: len(addresses) for kind, addresses in cluster.items()}
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"the environment variable TF_CONFIG cannot be parsed ({error}); see the README") from error
    if not counts:
        return 0, 1
    unknown = sorted({kind, *counts} - {"chief", "worker"})
    if unknown:
        raise UserError(f"TF_CONFIG names {', '.join(unknown)}; a run has only chief and worker")
    if index not in range(counts.get(kind, 0)):
        raise UserError(f"TF_CONFIG says this is {kind} {index} of {counts.get(kind, 0)}; count from 0")
    return index + (counts.get("chief", 0) if kind == "worker" else 0), sum(counts.values())


def check_shares(batch_sizes: Mapping[str, int], replicas: int, accumulate: int = 1) -> None:
    """Refuses batches that do not divide into equal shares for the devices, and accumulation on several devices.

    Args:
        batch_sizes: {name of the style's setting: images per batch}.
        replicas: The number of devices.
        accumulate: Parts that each share would be computed in.

    Raises:
        UserError: A batch does not divide, or there are several devices and several parts.
    """
    for name, size in batch_sizes.items():
        if replicas > 1 and accumulate > 1:  # Keras' batch norm cannot take its moments of all devices within a loop
            raise UserError(
                f"--accumulate {accumulate} is for one device, and there are {replicas}; leave it out: each device "
                f"computes only its share of the batch, {size // replicas} images"
            )
        if size % replicas:
            raise UserError(f"{name} is {size}, which {replicas} devices cannot share; give a multiple of {replicas}")


def set_locally(strategy: tf.distribute.Strategy, variable: tf.Variable, value: np.ndarray) -> None:
    """Sets a variable on this process's devices and leaves the other workers as they are."""
    for part in strategy.experimental_local_results(plain(variable)):
        part.assign(value)


def local_value(strategy: tf.distribute.Strategy, value: tf.distribute.DistributedValues | tf.Variable) -> np.ndarray:
    """Returns a distributed value or variable from this process's first device, without contacting other workers."""
    return strategy.experimental_local_results(plain(value))[0].numpy()
