"""Profiles the operators of a .tflite file: each operation becomes a file of its own and is timed alone."""

from __future__ import annotations

import copy
import json
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from tensorflow.lite.python import schema_py_generated as schema_fb
from tensorflow.lite.tools import flatbuffer_utils

SERVER = Path(__file__).with_name("model_server.py")


def profile_operators(path: Path, python: str, repeats: int = 3) -> list[dict]:
    """Measures the cost of each type of operation.

    The runtime's own profiler cannot be reached from Python. Operations of one type and one set of shapes are timed
    once. An operation that runs alone finds its input in the cache less often, and partitions cannot fuse, so the sum
    differs from a whole run.

    Args:
        path: The file.
        python: A Python that has the runtime.
        repeats: Number of timings of each operation, of which the least counts.

    Returns:
        Rows {"operation", "count", "ms" (CPU time on one thread)}, most expensive first.
    """
    model = flatbuffer_utils.read_model(str(path))
    graph = model.subgraphs[0]
    alike = defaultdict(list)
    for operator in graph.operators:
        tensors = [graph.tensors[i] for i in [*operator.inputs, *operator.outputs] if i >= 0]
        kind = _type_of(model.operatorCodes[operator.opcodeIndex])
        alike[
            kind, str([(list(t.shape), t.type) for t in tensors]), str(vars(operator.builtinOptions or object))
        ].append(operator)
    with tempfile.TemporaryDirectory() as folder:
        for number, operators in enumerate(alike.values()):
            alone = _alone(model, operators[0])
            flatbuffer_utils.write_model(alone, str(Path(folder, f"{number}.tflite")))
        command = [python, str(SERVER), "operators", folder, str(repeats)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{python} could not run an operation alone: {done.stderr.strip().splitlines()[-1]}")
        seconds = json.loads(done.stdout)
    by_type = defaultdict(lambda: [0, 0.0])
    for number, ((kind, *_), operators) in enumerate(alike.items()):
        by_type[kind][0] += len(operators)
        by_type[kind][1] += len(operators) * 1e3 * seconds[str(number)]
    rows = [{"operation": kind, "count": count, "ms": ms} for kind, (count, ms) in by_type.items()]
    return sorted(rows, key=lambda row: -row["ms"])


def _type_of(code):
    """An operation's type; TensorFlow's own function also finds the line number that Python 3.13 gives each class."""
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return next(name for name, value in vars(schema_fb.BuiltinOperator).items() if name.isupper() and value == number)


def _alone(model, operator):
    """A copy of the model with one operation, its tensors and their buffers only."""
    graph = copy.copy(model.subgraphs[0])
    used = sorted({i for i in [*operator.inputs, *operator.outputs] if i >= 0})
    places = {old: new for new, old in enumerate(used)}
    graph.tensors = [copy.copy(graph.tensors[i]) for i in used]
    buffers = [copy.copy(model.buffers[0])]
    buffers[0].data = None
    for tensor in graph.tensors:
        buffers.append(model.buffers[tensor.buffer])
        tensor.buffer = len(buffers) - 1
    operator = copy.copy(operator)
    constant = {i for i in used if model.buffers[model.subgraphs[0].tensors[i].buffer].data is not None}
    graph.inputs = [places[i] for i in operator.inputs if i >= 0 and i not in constant]
    graph.outputs = [places[i] for i in operator.outputs]
    operator.inputs = [places.get(i, -1) for i in operator.inputs]
    operator.outputs = list(graph.outputs)
    graph.operators = [operator]
    alone = copy.copy(model)
    alone.subgraphs, alone.buffers, alone.signatureDefs, alone.metadata = [graph], buffers, None, None
    return alone
