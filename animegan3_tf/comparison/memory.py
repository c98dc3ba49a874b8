"""The memory that a method takes, measured in a process of its own.

A process that has run a larger method before would show no rise of its peak. So a fresh process loads the model,
stylises one image of each size in one piece, from the smallest to the largest, and prints its peak after each. Where
the system ends it for taking too much memory, the comparison goes on.

The module is also the script of that process: memory.py MODEL WIDTHxHEIGHT ... prints one JSON object a line.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common.console import Advance, counted, quiet_tensorflow
from animegan3_tf.comparison.inputs import by_pixels, parse_sizes, size_text
from animegan3_tf.comparison.method import Method

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Memory:
    """Memory of a process that holds TensorFlow, one model and one image.

    Attributes:
        loaded: Peak bytes of resident memory once the model is loaded.
        peaks: {(H, W): peak bytes of resident memory up to and including this size}.
        gpu: Peak bytes that TensorFlow used of a GPU; None without one.
        failed: Why some or all sizes are missing, or "".
    """

    loaded: int | None
    peaks: dict[tuple[int, int], int]
    gpu: int | None = None
    failed: str = ""

    def to_dict(self) -> dict:
        """Plain values for JSON, in bytes."""
        peaks = {size_text(size): value for size, value in self.peaks.items()}
        return {"loaded_bytes": self.loaded, "peak_bytes": peaks, "gpu_peak_bytes": self.gpu, "failed": self.failed}


def measure_memory(
    methods: Sequence[Method], sizes: Sequence[tuple[int, int]], advance: Advance | None = None
) -> dict[str, Memory]:
    """Measures the methods, one process after the other.

    Args:
        methods: The methods. One without a generator, or that takes none of the sizes, is left out.
        sizes: The (H, W) of the images.
        advance: Called with (methods done, all methods, name) after each method.

    Returns:
        {method's name: Memory}.
    """
    found = {}
    for method in counted(methods, [method.name for method in methods], advance):
        if own := by_pixels(size for size in sizes if method.takes(size)):
            found[method.name] = _in_a_process(method.model, own)
    return found


def _in_a_process(model: Path, sizes: Sequence[tuple[int, int]]) -> Memory:
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", __name__, os.path.abspath(model), *map(size_text, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    failed = ""
    if done.returncode:  # the system ends a process that takes too much memory without a message
        errors = done.stderr.strip().splitlines() or [""]
        failed = f"it ended with status {done.returncode} {errors[-1]}".strip()
    peaks = dict(zip(sizes, (line["bytes"] for line in lines[1:])))
    return Memory(lines[0]["bytes"] if lines else None, peaks, lines[-1]["gpu"] if lines else None, failed)


def peak_bytes() -> int:
    """Peak bytes of this process's resident memory. On Linux, getrusage would include its parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _main(model: str, *sizes: str) -> None:
    """Loads a model and prints the peak, then stylises an image of each size and prints the peak after each.

    Args:
        model: The path of the model.
        *sizes: Sizes as WIDTHxHEIGHT, in pixels.
    """
    quiet_tensorflow()
    from animegan3_tf.models.model import open_model
    from animegan3_tf.models.trust import trusted
    from animegan3_tf.training.watch import memory

    def print_peak() -> None:
        print(json.dumps({"bytes": peak_bytes(), "gpu": memory().get("gpu_peak")}), flush=True)

    with trusted():  # the comparison has checked it, and this process is there to be lost
        opened = open_model(model)
    forward = opened.whole or opened.forward
    print_peak()
    for height, width in parse_sizes(",".join(sizes)):
        rows, columns = np.mgrid[:height, :width] / np.float32(max(height, width))
        image = np.stack([rows, columns, rows * columns], axis=-1)[None] * 2.0 - 1.0
        forward(image.astype(np.float32))
        print_peak()


if __name__ == "__main__":
    _main(*sys.argv[1:])
