"""Several GPUs and several hosts: which strategy a run trains with."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import tensorflow as tf

from animegan3_tf.errors import UserError


@dataclass(frozen=True)
class Distribution:
    """The devices of a run. strategy: of `tf.distribute`. worker, workers: this process's number, and how many."""

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1

    @property
    def replicas(self):
        """How many devices share a batch."""
        return self.strategy.num_replicas_in_sync

    @property
    def chief(self):
        """Whether this process writes the run folder. The others need to read it only to resume."""
        return self.worker == 0

    def distribute(self, data, start_step):
        """The batches of a `TrainingData` from a step on, a replica's share at a time."""
        if self.replicas == 1:
            return data.batches(start_step)
        return self.strategy.distribute_datasets_from_function(
            lambda _: data.batches(start_step, self.worker, self.workers, self.replicas)
        )


def choose_distribution():
    """What this process can train on: the hosts of TF_CONFIG, else all GPUs that TensorFlow sees, else one device.

    With TF_CONFIG (https://www.tensorflow.org/guide/distributed_training#TF_CONFIG) call it before TensorFlow has run
    anything: collectives must be set up first. It waits for the other workers.
    """
    cluster = _cluster()
    if cluster:
        kinds = cluster["cluster"].keys() - {"chief", "worker"}
        if kinds:
            raise UserError(f"TF_CONFIG names {', '.join(sorted(kinds))}; a run knows chief and worker only")
        counts = {kind: len(cluster["cluster"].get(kind, [])) for kind in ("chief", "worker")}
        task = cluster.get("task", {})
        worker = int(task.get("index", 0)) + (counts["chief"] if task.get("type") == "worker" else 0)
        if sum(counts.values()) > 1:
            return Distribution(tf.distribute.MultiWorkerMirroredStrategy(), worker, sum(counts.values()))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return Distribution(tf.distribute.MirroredStrategy())
    return Distribution(tf.distribute.get_strategy())


def check_shares(batch_size, replicas, accumulate):
    """Refuses a batch that does not divide into equal parts."""
    if batch_size % (replicas * accumulate):
        raise UserError(
            f"train.batch_size is {batch_size}, which does not divide into {replicas} devices x {accumulate} parts "
            f"(--accumulate); give a multiple of {replicas * accumulate}, or other parts"
        )


def _cluster():
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text) if text.strip() else {}
        return cluster if cluster.get("cluster") else None
    except (ValueError, AttributeError) as error:
        raise UserError(f"the environment variable TF_CONFIG is not valid JSON ({error})") from error
