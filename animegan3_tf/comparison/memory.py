"""The memory that a method takes, measured in a process of its own.

In one process it could only be told by how much the peak rises, which is nothing after a larger method. So a fresh
process loads the model, stylises one picture of each size in one piece, from the smallest to the largest, and tells its
peak after each. One that the system ends for taking too much ends nothing else.

Also a script, which that process runs: memory.py MODEL WIDTHxHEIGHT ... prints a JSON value a line.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.comparison.method import Method
from animegan3_tf.comparison.picture_size import by_pixels, parse_sizes, size_text

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Memory:
    """Bytes of a process that has TensorFlow, one model and one picture.

    loaded: resident once the model is loaded. peaks: {(H, W): the most that was resident up to and with this size}.
    gpu: the most that TensorFlow used of a GPU, None without one. failed: why a size or all are missing, or "".
    """

    loaded: int | None
    peaks: dict[tuple[int, int], int]
    gpu: int | None = None
    failed: str = ""

    def to_dict(self) -> dict:
        """As JSON takes it."""
        peaks = {size_text(size): value for size, value in self.peaks.items()}
        return {"loaded_bytes": self.loaded, "peak_bytes": peaks, "gpu_peak_bytes": self.gpu, "failed": self.failed}


def measure_memory(
    methods: Sequence[Method],
    sizes: Sequence[tuple[int, int]],
    advance: Callable[[int, int, str], None] | None = None,
) -> dict[str, Memory]:
    """{method: Memory} of those that have a generator and take one of the sizes, one process after the other."""
    found = {}
    for number, method in enumerate(methods, 1):
        own = by_pixels(size for size in sizes if method.takes(size))
        if own:
            found[method.name] = _in_a_process(method.model, own)
        if advance:
            advance(number, len(methods), method.name)
    return found


def _in_a_process(model, sizes):
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-m", __name__, os.path.abspath(model), *map(size_text, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    failed = ""
    if done.returncode:  # the system ends a process that takes too much, without a word
        lines = done.stderr.strip().splitlines() or [""]
        failed = f"it ended with status {done.returncode} {lines[-1]}".strip()
    peaks = dict(zip(sizes, (line["bytes"] for line in told[1:])))
    return Memory(told[0]["bytes"] if told else None, peaks, told[-1]["gpu"] if told else None, failed)


def peak_bytes() -> int:
    """The most memory that this process held; what its parent held before it, getrusage would count in on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main(model: str, *sizes: str) -> None:
    """Loads a model and prints the peak, then for each size stylises a picture and prints the peak."""
    import numpy as np

    from animegan3_tf.runtime import quiet_tensorflow

    quiet_tensorflow()
    from animegan3_tf.stylizer import load_stylizer
    from animegan3_tf.training.metrics_log import memory

    def tell():
        print(json.dumps({"bytes": peak_bytes(), "gpu": memory().get("gpu_peak")}), flush=True)

    stylizer = load_stylizer(model)
    forward = stylizer.whole or stylizer.forward
    tell()
    for height, width in parse_sizes(",".join(sizes)):
        rows, columns = np.mgrid[:height, :width] / np.float32(max(height, width))
        picture = np.stack([rows, columns, rows * columns], axis=-1)[None] * 2.0 - 1.0
        forward(picture.astype(np.float32))
        tell()


if __name__ == "__main__":
    main(*sys.argv[1:])
