"""Runs a .tflite file on photos, and tells how much of it XNNPACK computes. Needs nothing but NumPy and a runtime:
ai-edge-litert where there is one, else TensorFlow's interpreter.

Also a script, so that another Python that has ai-edge-litert can run it, where this package is not installed:
litert.py MODEL.tflite PHOTOS.npy PICTURES.npy prints what it tells as JSON.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

THREADS = 2  # of a check; what it compares does not depend on them


def run_litert(model, photos, python=None):
    """Runs a .tflite file: (pictures, the runtime and what `describe_graph` tells).

    photos: float32 [N, H, W, 3] in [-1, 1], run one by one; pictures the same, quantised input and output converted.
    python: an interpreter that has ai-edge-litert; this one by default. ai-edge-litert gets a process of its own, since
        this one may have loaded TensorFlow. Raises OSError, ValueError or RuntimeError when it fails.
    """
    if python is None and not _has_litert():
        return run(model, photos)
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder, "photos.npy"), Path(folder, "pictures.npy")
        np.save(given, photos)
        command = [python or sys.executable, __file__, model, given, taken]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise RuntimeError(f"{command[0]} could not run it: {lines[-1]}")
        return np.load(taken), json.loads(done.stdout.splitlines()[-1])


def open_interpreter(model, threads=THREADS):
    """(interpreter, "name version" of the runtime); the file is loaded, its tensors are not allocated."""
    if _has_litert():
        from importlib.metadata import version

        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(str(model), num_threads=threads), f"ai-edge-litert {version('ai-edge-litert')}"
    import tensorflow as tf

    return tf.lite.Interpreter(str(model), num_threads=threads), f"tensorflow {tf.__version__} (tf.lite.Interpreter)"


def invoke(interpreter, photo):
    """One picture, float32 [1, H, W, 3] in [-1, 1] in and out, whatever types the file has; it may resize the input."""
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    if tuple(source["shape"]) != photo.shape:
        interpreter.resize_tensor_input(source["index"], photo.shape)
        interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], to_stored(photo, source))
    interpreter.invoke()
    return from_stored(interpreter.get_tensor(result["index"]), result)


def to_stored(values, details):
    """Float values as a tensor with these details stores them: stored = value / scale + zero point."""
    if details["dtype"] == np.float32:
        return values
    (scale, zero), limits = details["quantization"], np.iinfo(details["dtype"])
    return np.rint(values / scale + zero).clip(limits.min, limits.max).astype(details["dtype"])


def from_stored(stored, details):
    """The float values of a stored tensor."""
    if details["dtype"] == np.float32:
        return stored
    scale, zero = details["quantization"]
    return ((stored.astype(np.float32) - zero) * scale).astype(np.float32)


def describe_graph(interpreter):
    """What an allocated interpreter will run, as plain values.

    operations: {type: how many} of the file. delegate: partitions, the share of the FLOPs of convolutions and matrix
    products that are in one, and {type: how many} of the operations left out. flops: two to a multiply-add; None, as is
    the share, for a file of open sizes, which shows no shapes.
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


def _outside(nodes, outputs):
    """The operations that no delegate took, found from the outputs backwards; the others keep standing in the list."""
    makers = {}
    for node in nodes:  # delegates come last, and take the place of what they replaced
        makers.update(dict.fromkeys(node["outputs"].tolist(), node))
    waiting, seen, found = list(outputs), set(), {}
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


def _flops(node, tensors):
    kind, inputs = node["op_name"], [i for i in node["inputs"].tolist() if i >= 0]
    if kind not in ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL"):
        return 0
    pixels = int(np.prod(tensors[node["outputs"][0]]["shape"], dtype=np.int64))
    if kind == "BATCH_MATMUL":
        return 2 * pixels * int(tensors[inputs[0]]["shape"][-1])
    return 2 * pixels * int(np.prod(tensors[inputs[1]]["shape"][1:], dtype=np.int64))  # of each output channel's kernel


def run(model, photos):
    """As `run_litert`, in this process."""
    interpreter, runtime = open_interpreter(model)
    interpreter.allocate_tensors()
    pictures = np.concatenate([invoke(interpreter, photo[None]) for photo in photos])
    return pictures, {"runtime": runtime, **describe_graph(interpreter)}


def _has_litert():
    return importlib.util.find_spec("ai_edge_litert") is not None


def main(model, photos, pictures):
    """Runs the file on the photos of one .npy file, writes another, prints the rest."""
    taken, told = run(model, np.load(photos))
    np.save(pictures, taken)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
