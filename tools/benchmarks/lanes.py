"""Times a training step and a stylised image on two lines of TensorFlow, in turns."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median

from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.speed import Timing, ratios
from benchmarks.setup import TrainSettings

SERVER = Path(__file__).with_name("lane_server.py")
TASKS = {"step": "a training step", "image": "a stylised image"}


def benchmark_lanes(settings: TrainSettings, other: str, rounds: int, show=print) -> dict:
    """Measures both tasks on this Python and on another one.

    Args:
        settings: What is trained; its generator stylises too.
        other: The Python of the other line's environment.
        rounds: Timed turns.
        show: Called with what goes on.

    Returns:
        Plain values: "lines", the versions of both, this Python's first; for each of `TASKS` {"seconds": [this, other],
        "faults": [this, other], medians of page faults, "ratio": this Python's time by the other's, {median, low,
        high} over the rounds}; and "peak_bytes": [this, other].

    Raises:
        UserError: A process did not start.
    """
    with contextlib.ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "settings.json"
        path.write_text(json.dumps(asdict(settings)))
        show("networks, and steps that are not timed")
        servers = [stack.enter_context(_server(python, path)) for python in (sys.executable, other)]
        lines = [_answer(server) for server in servers]
        taken: dict[str, list[list[dict]]] = {task: [] for task in TASKS}
        show(f"{rounds} rounds")
        for turn in range(rounds):
            order = servers if turn % 2 == 0 else servers[::-1]
            for task in TASKS:
                answers = [_asked(server, task) for server in order]
                taken[task].append(answers if turn % 2 == 0 else answers[::-1])
        for server in servers:
            server.stdin.close()
        peaks = [_answer(server)["peak_bytes"] for server in servers]
    return {"lines": lines, "peak_bytes": peaks, **{task: _summary(turns) for task, turns in taken.items()}}


def print_lanes(result: dict, console) -> None:
    """Prints what `benchmark_lanes` returns."""
    names = [f"Python {line['python']}, TensorFlow {line['tensorflow']}" for line in result["lines"]]
    for task, title in TASKS.items():
        found = result[task]
        for name, seconds, faults in zip(names, found["seconds"], found["faults"]):
            console.print(f"{title}, {name}: {seconds:.3f} s, {faults:,.0f} page faults")
        ratio = found["ratio"]
        console.print(f"    first by second: {ratio['median']:.2f} times ({ratio['low']:.2f} to {ratio['high']:.2f})")
    console.print(f"peak memory: {', '.join(f'{peak / 2**30:.2f} GB' for peak in result['peak_bytes'])}")


@contextlib.contextmanager
def _server(python, path):
    process = subprocess.Popen([python, str(SERVER), str(path)], stdin=-1, stdout=-1, stderr=-1, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answer(server):
    line = server.stdout.readline()
    if not line:
        _, errors = server.communicate()
        raise UserError(f"{server.args[0]} ended: {(errors.strip().splitlines() or ['without a word'])[-1]}")
    return json.loads(line)


def _asked(server, task):
    server.stdin.write(f"{task}\n")
    server.stdin.flush()
    return _answer(server)


def _summary(turns):
    this, other = (Timing(tuple(answer["seconds"] for answer in answers)) for answers in zip(*turns))
    values = ratios(this, other)
    return {
        "seconds": [this.median, other.median],
        "faults": [median(answer["faults"] for answer in answers) for answers in zip(*turns)],
        "ratio": {"median": median(values), "low": min(values), "high": max(values)},
    }
