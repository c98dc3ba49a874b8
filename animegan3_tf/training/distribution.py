"""Several GPUs and several hosts: what a run trains on, and what its workers must tell each other."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError


class Distribution:
    """The devices of a run, in one process or in several ("workers").

    strategy: of `tf.distribute`; TensorFlow's default, one device, without it. worker, workers: this process's number
    and how many there are. What exchanges something must be called by every worker at the same point of its run.
    """

    def __init__(self, strategy=None, worker=0, workers=1):
        self.strategy, self.worker, self.workers = strategy or tf.distribute.get_strategy(), worker, workers
        signature = [tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.bool)]
        self._sum = tf.function(self._summed, input_signature=signature)

    @property
    def replicas(self):
        """How many devices share a batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def chief(self):
        """Whether this process writes the run folder."""
        return self.worker == 0

    def distribute(self, data, start_step):
        """The batches of a `TrainingData` from a step on, a replica's share at a time."""
        if self.replicas == 1:
            return data.batches(start_step)
        return self.strategy.distribute_datasets_from_function(
            lambda _: data.batches(start_step, self.worker, self.workers, self.replicas)
        )

    @contextlib.contextmanager
    def contact(self):
        """Raises UserError where the `with` block fails because another worker is gone."""
        try:
            yield
        except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
            if self.workers == 1:
                raise
            raise UserError(
                f"worker {self.worker} lost contact with another one ({type(error).__name__}); see what that "
                "one said, then start all of them again, with --resume if there is a checkpoint"
            ) from error

    def check_same(self, text):
        """Raises UserError unless every worker has the chief's text: the configuration's digest."""
        own = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
        differs = not np.array_equal(self.of_chief([own])[0], own)
        if self.total([differs]).any():  # all of them end, so that none waits for one that is gone
            raise UserError("the workers were started with different settings; give all of them the same command")

    def of_chief(self, arrays):
        """The chief's arrays, to the bit, on every worker. arrays: list of NumPy arrays, of the same shapes on each."""
        if self.workers == 1:
            return list(arrays)
        data = b"".join(array.tobytes() for array in arrays)
        words = np.frombuffer(data + bytes(-len(data) % 8), np.int64)
        data = self._exchanged(words, of_everyone=False).tobytes()
        ends = np.cumsum([array.nbytes for array in arrays])
        parts = (data[end - array.nbytes : end] for array, end in zip(arrays, ends))
        return [np.frombuffer(part, array.dtype).reshape(array.shape) for part, array in zip(parts, arrays)]

    def total(self, counts):
        """Counts, a list of small whole numbers, added up over the workers; as an array.

        A worker's count as often as it has devices: what is 0 is 0 everywhere, and anything else is not.
        """
        counts = np.asarray(counts, np.int64)
        return counts if self.workers == 1 else self._exchanged(counts, of_everyone=True)

    def _exchanged(self, words, of_everyone):
        return local_value(self.strategy, self._sum(tf.constant(words), tf.constant(of_everyone)))

    def _summed(self, words, of_everyone):
        def share(words):
            replica = tf.distribute.get_replica_context()
            counts = tf.logical_or(of_everyone, tf.equal(replica.replica_id_in_sync_group, 0))
            words = tf.where(counts, words, tf.zeros_like(words))
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, words)

        return self.strategy.run(share, args=(words,))


def choose_distribution():
    """What this process can train on: the hosts of TF_CONFIG, else all GPUs that TensorFlow sees, else one device.

    With TF_CONFIG (https://www.tensorflow.org/guide/distributed_training#TF_CONFIG) call it before TensorFlow has run
    anything: collectives must be set up first. It waits for the other workers. Logical CPU devices count like GPUs
    where there are no GPUs; there is one unless somebody asked for more.
    """
    worker, workers = cluster_position()
    if workers > 1:
        return Distribution(tf.distribute.MultiWorkerMirroredStrategy(), worker, workers)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return Distribution(tf.distribute.MirroredStrategy([device.name for device in devices]))
    return Distribution()


def cluster_position():
    """This process's number and how many there are, as TF_CONFIG says: the chief, else the first worker, is 0."""
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return 0, 1
    try:
        settings = json.loads(text)
        cluster, task = settings.get("cluster", {}), settings.get("task", {})
        counts = {kind: len(addresses) for kind, addresses in cluster.items()}
        kind, index = task.get("type", "worker"), int(task.get("index", 0))
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"the environment variable TF_CONFIG cannot be understood ({error}); see the README") from error
    if not counts:
        return 0, 1
    unknown = sorted({kind, *counts} - {"chief", "worker"})
    if unknown:
        raise UserError(f"TF_CONFIG names {', '.join(unknown)}; a run knows chief and worker only")
    if index not in range(counts.get(kind, 0)):
        raise UserError(f"TF_CONFIG says this is {kind} {index} of {counts.get(kind, 0)}; the first one is 0")
    return index + (counts.get("chief", 0) if kind == "worker" else 0), sum(counts.values())


def check_shares(batch_sizes, replicas, accumulate=1):
    """Refuses batches that do not divide into the devices' equal shares, and shares in parts.

    batch_sizes: {what the style calls it: pictures}.
    """
    for name, size in batch_sizes.items():
        if replicas > 1 and accumulate > 1:  # Keras' batch norm cannot take its moments of all devices within a loop
            raise UserError(
                f"--accumulate {accumulate} is for one device, and there are {replicas}; leave it out: each computes "
                f"its share of the batch only, {size // replicas} pictures"
            )
        if size % replicas:
            raise UserError(f"{name} is {size}, which {replicas} devices cannot share; give a multiple of {replicas}")


def set_locally(strategy, variable, value):
    """Sets a variable on this process's devices; the other workers are left as they are."""
    for part in strategy.experimental_local_results(variable):
        part.assign(value)


def local_value(strategy, value):
    """A distributed value or variable as it is on this process's first device, a NumPy array; asks no other worker."""
    return strategy.experimental_local_results(value)[0].numpy()
