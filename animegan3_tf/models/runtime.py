"""Runs TFLite and ONNX files: in a process of their own, or in this one where they are trusted.

A damaged file can crash the runtime that computes it. In a process of its own it costs a line, not what this process
was doing. That process gets a photo through a pipe and answers with an image: a line of JSON, then the array's bytes.
Nothing that it sends is unpickled.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.errors import one_line
from animegan3_tf.models.litert import describe_graph, invoke, open_interpreter
from animegan3_tf.models.trust import is_trusted

_ANY = 64  # pixels: a size that any network takes
_ROOT = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.pop(0); from animegan3_tf.models.runtime import serve; serve()"
_MEMORY = 2 << 30  # bytes that opening a file may take beside the file, and drawing beside what a photo's size explains
_MEMORY_PER_PIXEL = 16 << 10  # the largest of the known generators takes 4 KB
_LINE = 1 << 24  # bytes of an answer


class Runtime(Protocol):
    """A file that was opened by its runtime.

    Attributes:
        description: Plain values: "inputs" and "outputs", each a list of {"name", "dtype", "shape", "quantization"}
            where an open side has a name or -1 in "shape"; "metadata", {name: text}.
    """

    description: Mapping[str, Any]

    def prepare(self) -> None:
        """Makes ready to draw; raises RuntimeError or ValueError where the file does not run."""

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Draws float32 [1, H, W, 3] in [-1, 1] -> the same; raises RuntimeError, ValueError or MemoryError."""

    def graph(self) -> dict[str, Any]:
        """Describes what will run, see `describe_graph`; of TFLite alone."""


def open_runtime(kind: str, path: Path) -> Runtime:
    """Opens a file with its runtime; in this process inside `trusted`, else in one of its own.

    Args:
        kind: One of `RUNTIMES`.
        path: The file, which was looked through before.

    Raises:
        RuntimeError, ValueError, MemoryError: The runtime cannot open it.
    """
    return RUNTIMES[kind](path) if is_trusted() else RuntimeProcess(kind, path)


class TfliteRuntime:
    """A .tflite file in this process; see `Runtime`."""

    def __init__(self, path: Path) -> None:
        """Loads the file without allocating its tensors."""
        self._interpreter, _ = open_interpreter(path, os.cpu_count() or 1)
        ends = {"inputs": self._interpreter.get_input_details(), "outputs": self._interpreter.get_output_details()}
        self.description = {name: list(map(_tflite_end, details)) for name, details in ends.items()} | {"metadata": {}}

    def prepare(self) -> None:
        """Allocates the tensors."""
        (source,) = self._interpreter.get_input_details()
        if -1 in source["shape_signature"]:  # a graph cannot be prepared for the size 1 that stands for an open one
            sizes = [_ANY if side < 0 else int(side) for side in source["shape_signature"][1:]]
            self._interpreter.resize_tensor_input(source["index"], [1, *sizes])
        self._interpreter.allocate_tensors()

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Runs the interpreter."""
        return invoke(self._interpreter, photo)

    def graph(self) -> dict[str, Any]:
        """Describes the interpreter's graph."""
        return describe_graph(self._interpreter)


def _tflite_end(details: Mapping[str, Any]) -> dict[str, Any]:
    scale, zero = details["quantization"]
    shape = [int(side) for side in details["shape_signature"]]
    dtype = details["dtype"].__name__
    return {"name": details["name"], "dtype": dtype, "shape": shape, "quantization": [float(scale), int(zero)]}


class OnnxRuntime:
    """An ONNX file in this process, on the CPU; see `Runtime`."""

    def __init__(self, path: Path) -> None:
        """Makes the session."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are raised as well
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        ends = {"inputs": self._session.get_inputs(), "outputs": self._session.get_outputs()}
        self.description = {name: list(map(_onnx_end, found)) for name, found in ends.items()}
        self.description["metadata"] = dict(self._session.get_modelmeta().custom_metadata_map)

    def prepare(self) -> None:
        """Does nothing: a session is ready."""

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Runs the session."""
        (source,), (result,) = self.description["inputs"], self.description["outputs"]
        return self._session.run([result["name"]], {source["name"]: photo})[0]

    def graph(self) -> dict[str, Any]:
        """Describes nothing."""
        return {}


def _onnx_end(end: Any) -> dict[str, Any]:
    dtype = "float32" if end.type == "tensor(float)" else end.type
    return {"name": end.name, "dtype": dtype, "shape": list(end.shape), "quantization": [0.0, 0]}


RUNTIMES = {"TFLite": TfliteRuntime, "ONNX": OnnxRuntime}


class RuntimeProcess:
    """A file that a process of its own runs; see `Runtime`. The process ends with this object, or with this process."""

    def __init__(self, kind: str, path: Path) -> None:
        """Starts the process, which opens the file.

        Args:
            kind: One of `RUNTIMES`.
            path: The file.

        Raises:
            RuntimeError: The process cannot open the file, or ended.
            MemoryError: The file takes more memory than its size explains.
        """
        self._opening = {"do": "open", "kind": kind, "path": os.path.abspath(path)}
        self._drawn = self._prepared = False
        self._status = 0
        self._start()

    def _start(self) -> None:
        folders = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": folders, "CUDA_VISIBLE_DEVICES": "-1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self._end = weakref.finalize(self, _end, self._process)
        self.description = self._ask(self._opening)

    def prepare(self) -> None:
        """Has the process make ready to draw."""
        self._ask({"do": "prepare"})
        self._prepared = True

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Has the process draw. One that ended after it had drawn is started again."""
        if not self._end.alive and self._drawn:
            self._drawn = False
            self._start()
            if self._prepared:
                self.prepare()
        image = np.empty(photo.shape, np.float32)
        self._ask({"do": "draw", "shape": photo.shape}, np.ascontiguousarray(photo, np.float32), image)
        self._drawn = True
        return image

    def graph(self) -> dict[str, Any]:
        """Has the process describe what it runs."""
        return self._ask({"do": "graph"})

    def _ask(
        self, request: Mapping[str, Any], photo: np.ndarray | None = None, image: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Sends a request, with a photo, and receives the answer, with an image.

        Raises:
            RuntimeError: The process failed, or it ended.
            MemoryError: The process had no memory left.
        """
        try:
            source, target = _pipes(self._process)
            target.write(json.dumps(request).encode() + b"\n")
            if photo is not None:
                target.write(photo.data)
            target.flush()
            answer = json.loads(source.readline(_LINE))
            if image is not None and answer.get("image"):
                _receive(source, image)
        except (OSError, ValueError, AttributeError, EOFError):  # no answer, or none of those that `serve` gives
            if self._end.alive:
                self._status = self._end()
            raise RuntimeError(f"its runtime crashed ({_words(self._status)})") from None
        except BaseException:  # such as Ctrl-C: what comes next would be the rest of this answer
            self._end()
            raise
        if answer.get("exhausted"):
            raise MemoryError
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))
        return answer


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdout is None or process.stdin is None or process.stdout.closed:
        raise EOFError
    return process.stdout, process.stdin


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ends a process, unless it has ended; returns its status."""
    for pipe in (process.stdout, process.stdin):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(0.2)  # one that crashes may not have its status yet
    process.kill()
    return process.wait()


def _words(status: int) -> str:
    """An exit status in words."""
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"status {status}"


def _receive(source: IO[bytes], array: np.ndarray) -> None:
    """Fills an array from a pipe; raises EOFError where the pipe ends before."""
    rest = memoryview(array.reshape(-1).view(np.uint8))
    while rest:
        count = source.readinto(rest)  # type: ignore[attr-defined]  # IO lacks it
        if not count:
            raise EOFError
        rest = rest[count:]


def serve() -> None:
    """Is the process: answers requests from stdin on stdout until stdin or its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_die_with_parent, args=(os.getppid(),), daemon=True).start()
    quiet_tensorflow()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    runtime: list[Runtime] = []
    for line in sys.stdin.buffer:
        image = None
        try:
            answer, image = _answer(json.loads(line), runtime)
        except MemoryError:
            answer = {"exhausted": True}
        except Exception as error:  # a runtime may raise anything
            answer = {"error": one_line(error) or type(error).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        if image is not None:
            answers.write(image.data)
        answers.flush()


def _answer(request: Mapping[str, Any], opened: list[Runtime]) -> tuple[dict[str, Any], np.ndarray | None]:
    """The answer to a request, and an image; the file is opened into the empty list."""
    if request["do"] == "open":
        path = Path(request["path"])
        _limit_memory(_MEMORY + 8 * path.stat().st_size)
        opened.append(RUNTIMES[request["kind"]](path))
        return dict(opened[0].description), None
    if request["do"] == "draw":
        photo = np.empty(request["shape"], np.float32)
        _receive(sys.stdin.buffer, photo)
        _limit_memory(_MEMORY + _MEMORY_PER_PIXEL * math.prod(photo.shape[1:3]))
        image = np.ascontiguousarray(opened[0].draw(photo))
        if image.shape != photo.shape or image.dtype != np.float32:
            raise ValueError(f"it gave {image.dtype} {list(image.shape)} for float32 {list(photo.shape)}")
        return {"image": True}, image
    if request["do"] == "prepare":
        opened[0].prepare()
        return {}, None
    return opened[0].graph(), None


def _limit_memory(more: int) -> None:
    """Limits this process to the memory that it has now and some bytes more, where the system can do that."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        held = next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmData"))
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = held + more if hard == resource.RLIM_INFINITY else min(hard, held + more)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _die_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)  # a killed parent would leave a file that never comes to an end running
