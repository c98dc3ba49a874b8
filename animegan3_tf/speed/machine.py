"""Description of the machine that a benchmark ran on, and its memory use."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.training.metrics_log import memory


def describe_machine() -> dict:
    """Returns processor, cores, load, GPUs, library versions and thread settings as plain values for JSON."""
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "default"),
        "tf_threads": {
            "intra": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter": tf.config.threading.get_inter_op_parallelism_threads(),
        },
    }


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def peak_memory() -> dict[str, int]:
    """Returns the peak memory use so far.

    Returns:
        "process_bytes", of this process without its children; with a GPU also "gpu_bytes", of the fullest GPU.
    """
    used = memory()
    return {"process_bytes": used["process_peak"], **({"gpu_bytes": used["gpu_peak"]} if has_gpu() else {})}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
