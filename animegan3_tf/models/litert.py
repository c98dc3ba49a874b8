"""Runs a .tflite file on photos, and reports how much of it XNNPACK computes.

This module needs NumPy and a runtime only: ai-edge-litert where it is installed, else TensorFlow's interpreter. It is
also a script, so that another Python can run it that has ai-edge-litert but not this package:
litert.py MODEL.tflite PHOTOS.npy IMAGES.npy prints its report as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2  # of a check, whose result does not depend on them
Interpreter = Any  # tf.lite.Interpreter or ai_edge_litert.interpreter.Interpreter; neither has types


def run_litert(model: Path, photos: np.ndarray, python: str | Path | None = None) -> tuple[np.ndarray, dict[str, Any]]:
    """Runs a .tflite file on photos, one by one.

    Args:
        model: The file.
        photos: float32 [N, H, W, 3] in [-1, 1].
        python: A Python that has ai-edge-litert, for a process of its own; by default it runs in this one.

    Returns:
        The images, float32 [N, H, W, 3] in [-1, 1] whatever the file's own types, and a report: "runtime" and the
        values of `describe_graph`.

    Raises:
        OSError, ValueError, RuntimeError: The file does not run.
    """
    if python is None:
        return run(model, photos)
    from animegan3_tf.common.files import work_folder  # the script has no package

    with work_folder() as folder:
        source, result = folder / "photos.npy", folder / "images.npy"
        np.save(source, photos)
        command = [python, __file__, model, source, result]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise RuntimeError(f"{command[0]} could not run it: {lines[-1]}")
        return np.load(result), json.loads(done.stdout.splitlines()[-1])


def open_interpreter(model: str | Path, threads: int = THREADS) -> tuple[Interpreter, str]:
    """Loads a file without allocating its tensors; returns the interpreter, and "name version" of the runtime."""
    if _has_litert():
        from importlib.metadata import version

        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(model), num_threads=threads), f"ai-edge-litert {version('ai-edge-litert')}"
    import tensorflow as tf

    return tf.lite.Interpreter(str(model), num_threads=threads), f"tensorflow {tf.__version__} (tf.lite.Interpreter)"


def invoke(interpreter: Interpreter, photo: np.ndarray) -> np.ndarray:
    """Runs an interpreter on one photo.

    Args:
        interpreter: An allocated one; its input is resized where the photo has another size.
        photo: float32 [1, H, W, 3] in [-1, 1].

    Returns:
        float32 [1, H, W, 3] in [-1, 1]; quantised inputs and outputs are converted.
    """
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    if tuple(source["shape"]) != photo.shape:
        interpreter.resize_tensor_input(source["index"], photo.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], to_stored(photo, source))
    interpreter.invoke()
    return from_stored(interpreter.get_tensor(result["index"]), result)


def to_stored(values: np.ndarray, details: Mapping[str, Any]) -> np.ndarray:
    """Converts float32 values to what a tensor stores: value / scale + zero point, rounded.

    Args:
        values: float32, any shape.
        details: The tensor's entry in `get_input_details`.
    """
    if details["dtype"] == np.float32:
        return values
    (scale, zero), limits = details["quantization"], np.iinfo(details["dtype"])
    return np.rint(values / scale + zero).clip(limits.min, limits.max).astype(details["dtype"])


def from_stored(stored: np.ndarray, details: Mapping[str, Any]) -> np.ndarray:
    """Converts what a tensor stores to float32 values; the inverse of `to_stored`, up to rounding."""
    if details["dtype"] == np.float32:
        return stored
    scale, zero = details["quantization"]
    return ((stored.astype(np.float32) - zero) * scale).astype(np.float32)


def describe_graph(interpreter: Interpreter) -> dict[str, Any]:
    """Describes what an allocated interpreter will run.

    Args:
        interpreter: The interpreter, after `allocate_tensors`.

    Returns:
        Plain values:
        "operations": {type: number} in the file.
        "flops": FLOPs of its convolutions and matrix products, two to a multiply-add; None where sizes are open.
        "delegate": XNNPACK's number of "partitions", its "flop_share" of "flops" (None where sizes are open), and the
        operations that it "left_out" as {type: number}.
    """
    nodes = interpreter._get_ops_details()
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    operations = [node for node in nodes if node["op_name"] != "DELEGATE"]
    outside = _outside(nodes, [tensor["index"] for tensor in interpreter.get_output_details()])
    is_open = any(-1 in tensor["shape_signature"] for tensor in interpreter.get_input_details())
    counts = {node["index"]: 0 if is_open else _flops(node, tensors) for node in operations}
    total = sum(counts.values()) or None
    return {
        "operations": dict(sorted(Counter(node["op_name"] for node in operations).items())),
        "flops": total,
        "delegate": {
            "name": "XNNPACK",
            "partitions": len(nodes) - len(operations),
            "flop_share": 1.0 - sum(counts[node["index"]] for node in outside) / total if total else None,
            "left_out": dict(sorted(Counter(node["op_name"] for node in outside).items())),
        },
    }


def _outside(nodes: Sequence[Mapping[str, Any]], outputs: Sequence[int]) -> list[Mapping[str, Any]]:
    """The operations that no delegate took over, found backwards from the outputs, since `nodes` keeps the others."""
    makers: dict[int, Mapping[str, Any]] = {}
    for node in nodes:  # delegates come last, and replace the operations that they took over
        makers.update(dict.fromkeys(node["outputs"].tolist(), node))
    waiting = list(outputs)
    seen: set[int] = set()
    found: dict[int, Mapping[str, Any]] = {}
    while waiting:
        tensor = waiting.pop()
        if tensor in seen or tensor not in makers:
            continue
        seen.add(tensor)
        node = makers[tensor]
        if node["op_name"] != "DELEGATE":
            found[node["index"]] = node
        waiting += node["inputs"].tolist()
    return list(found.values())


def _flops(node: Mapping[str, Any], tensors: Mapping[int, Mapping[str, Any]]) -> int:
    kind, inputs = node["op_name"], [i for i in node["inputs"].tolist() if i >= 0]
    if kind not in ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"):
        return 0
    pixels = int(np.prod(tensors[node["outputs"][0]]["shape"], dtype=np.int64))
    if kind == "BATCH_MATMUL":
        return 2 * pixels * int(tensors[inputs[0]]["shape"][-1])
    # the size of one output channel's kernel
    return 2 * pixels * int(np.prod(tensors[inputs[1]]["shape"][1:], dtype=np.int64))


def run(model: str | Path, photos: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Runs a .tflite file in this process; otherwise as `run_litert`."""
    interpreter, runtime = open_interpreter(model)
    interpreter.allocate_tensors()
    images = np.concatenate([invoke(interpreter, photo[None]) for photo in photos])
    return images, {"runtime": runtime, **describe_graph(interpreter)}


def _has_litert() -> bool:
    return importlib.util.find_spec("ai_edge_litert") is not None


def _main(model: str, photos: str, images: str) -> None:
    """Runs the file on the photos of one .npy file, writes the images to another, and prints the report."""
    drawn, report = run(model, np.load(photos))
    np.save(images, drawn)
    print(json.dumps(report))


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, where a module has the name of PyTorch
    _main(*sys.argv[1:])
