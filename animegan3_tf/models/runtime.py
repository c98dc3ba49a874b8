"""Runs TFLite and ONNX files: in a process of their own, or in this one where they are trusted.

A damaged file can crash the runtime that computes it. In a process of its own it costs a line, not what this process
was doing. That process is asked with lines of JSON through a pipe, and photo and image lie in memory that both share;
nothing that it sends is unpickled.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.errors import one_line
from animegan3_tf.models.litert import describe_graph, invoke, open_interpreter
from animegan3_tf.models.trust import is_trusted

try:
    import resource
except ImportError:  # Windows, where files run in this process
    resource = None  # type: ignore[assignment]  # a module elsewhere; only the process of its own uses it

_ANY = 64  # pixels: a size that any network takes
_ROOT = Path(__file__).resolve().parents[2]
_START = (
    "import sys; sys.path = list(filter(None, sys.path)); "  # nothing of the folder in which the command was given
    "from animegan3_tf.models.runtime import run_worker; run_worker()"
)
_MEMORY = 2 << 30  # bytes that opening a file may take beside the file, and drawing beside what a photo's size explains
_MEMORY_PER_PIXEL = 16 << 10  # bytes: 64 float32 maps of 64 channels
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
    here = is_trusted() or resource is None
    return RUNTIMES[kind](path) if here else RuntimeProcess(kind, path)


class TfliteRuntime:
    """A .tflite file in this process; see `Runtime`."""

    def __init__(self, path: Path) -> None:
        """Loads the file without allocating its tensors."""
        self._interpreter, _ = open_interpreter(path, os.cpu_count() or 1)
        ends = {"inputs": self._interpreter.get_input_details(), "outputs": self._interpreter.get_output_details()}
        described = {name: list(map(_tflite_end, details)) for name, details in ends.items()}
        self.description: Mapping[str, Any] = {**described, "metadata": {}}

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
        described = {name: list(map(_onnx_end, found)) for name, found in ends.items()}
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        self.description: Mapping[str, Any] = {**described, "metadata": metadata}

    def prepare(self) -> None:
        """Does nothing: a session is ready."""

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Runs the session."""
        (source,), (result,) = self.description["inputs"], self.description["outputs"]
        try:
            return self._session.run([result["name"]], {source["name"]: photo})[0]
        except Exception as error:  # it has no class for want of memory
            if "Failed to allocate memory" in str(error):
                raise MemoryError from None
            raise

    def graph(self) -> dict[str, Any]:
        """Describes nothing."""
        return {}


def _onnx_end(end: Any) -> dict[str, Any]:
    dtype = "float32" if end.type == "tensor(float)" else end.type
    return {"name": end.name, "dtype": dtype, "shape": list(end.shape), "quantization": [0.0, 0]}


RUNTIMES: dict[str, Callable[[Path], Runtime]] = {"TFLite": TfliteRuntime, "ONNX": OnnxRuntime}


class RuntimeProcess:
    """A file that a process of its own runs; see `Runtime`. Once nobody holds this, the process takes another file."""

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
        self._worker = _idle_worker() or _Worker()
        self._keep = weakref.finalize(self, _IDLE.append, self._worker)
        self.description: Mapping[str, Any] = self._ask(self._opening)

    def prepare(self) -> None:
        """Has the process make ready to draw."""
        self._ask({"do": "prepare"})
        self._prepared = True

    def draw(self, photo: np.ndarray) -> np.ndarray:
        """Has the process draw. One that ended after it had drawn is started again."""
        if not self._keep.alive:
            if not self._drawn:
                raise self._crashed()
            self._drawn = False
            self._start()
            if self._prepared:
                self.prepare()
        shared = self._worker.shared.array(photo.shape)
        shared[:] = photo
        self._ask({"do": "draw", "shape": photo.shape})
        self._drawn = True
        return shared.copy()

    def graph(self) -> dict[str, Any]:
        """Has the process describe what it runs."""
        return self._ask({"do": "graph"})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a request and receives the answer.

        Raises:
            RuntimeError: The process failed, or it ended.
            MemoryError: The process had no memory left.
        """
        try:
            answer = self._worker.ask(request)
        except BaseException as error:  # such as Ctrl-C, after which the next answer would be that to this request
            if self._keep.detach():
                self._status = self._worker.end()
            if not isinstance(error, (OSError, ValueError)):
                raise
            raise self._crashed() from None
        if answer.get("exhausted"):
            raise MemoryError
        if "error" in answer:
            raise RuntimeError(str(answer["error"]))
        return answer

    def _crashed(self) -> RuntimeError:
        how = f"status {self._status}"
        with contextlib.suppress(ValueError):
            how = signal.Signals(-self._status).name
        return RuntimeError(f"its runtime crashed ({how})")


class _Worker:
    """A process that opens one file after the other, and the memory that it shares with this one."""

    def __init__(self) -> None:
        is_linux = hasattr(os, "memfd_create")
        file = os.fdopen(os.memfd_create("photo"), "r+b") if is_linux else tempfile.TemporaryFile()  # noqa: SIM115
        self.shared = _SharedMemory(file)
        folders = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(self.shared.descriptor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": folders, "CUDA_VISIBLE_DEVICES": "-1"},
            pass_fds=[self.shared.descriptor],
        )

    @property
    def lives(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a request and receives the answer; raises OSError or ValueError where none comes."""
        source, target = self._process.stdout, self._process.stdin
        if source is None or target is None:
            raise ValueError
        target.write(json.dumps(request).encode() + b"\n")
        target.flush()
        answer = json.loads(source.readline(_LINE))
        if not isinstance(answer, dict):
            raise ValueError
        return answer

    def end(self) -> int:
        """Ends the process, unless it has ended; returns its status."""
        for pipe in (self._process.stdout, self._process.stdin):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self.shared.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(0.2)  # one that crashes may not have its status yet
        self._process.kill()
        return self._process.wait()


_IDLE: list[_Worker] = []  # those whose file nobody draws with any more: to start one takes seconds


def _idle_worker() -> _Worker | None:
    """Takes a process that waits for its next file; None where there is none."""
    while _IDLE:
        worker = _IDLE.pop()
        if worker.lives:
            return worker
        worker.end()
    return None


@atexit.register
def _end_idle() -> None:
    while _IDLE:
        _IDLE.pop().end()


class _SharedMemory:
    """Memory without a name, which a process and the one that started it map both."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.descriptor = file, file.fileno()
        self._map: mmap.mmap | None = None

    def array(self, shape: Sequence[int]) -> np.ndarray:
        """The memory as float32 of a shape; it grows where it is too small."""
        count = math.prod(shape)
        if self._map is None or len(self._map) < 4 * count:
            if os.fstat(self.descriptor).st_size < 4 * count:
                os.ftruncate(self.descriptor, 4 * count)
            self._map = mmap.mmap(self.descriptor, 4 * count)
        return np.frombuffer(self._map, np.float32, count).reshape(shape)

    def close(self) -> None:
        """Gives the memory back once no array needs it."""
        self._map = None
        self._file.close()


def run_worker() -> None:
    """Is the process: answers requests from stdin on stdout until stdin or its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_die_with_parent, args=(os.getppid(),), daemon=True).start()
    quiet_tensorflow()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    shared = _SharedMemory(os.fdopen(int(sys.argv[1]), "r+b"))
    opened: list[Runtime] = []
    for line in sys.stdin.buffer:
        try:
            answer = _answer(json.loads(line), shared, opened)
        except MemoryError:
            answer = {"exhausted": True}
        except Exception as error:  # a runtime may raise anything
            answer = {"error": one_line(error) or type(error).__name__}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _answer(request: Mapping[str, Any], shared: _SharedMemory, opened: list[Runtime]) -> dict[str, Any]:
    """The answer to a request; a file that is opened takes the place of the one in the list."""
    if request["do"] == "open":
        path = Path(request["path"])
        opened.clear()
        _limit_memory(_MEMORY + 8 * path.stat().st_size)
        opened.append(RUNTIMES[request["kind"]](path))
        return dict(opened[0].description)
    if request["do"] == "draw":
        photo = shared.array(request["shape"])
        _limit_memory(_MEMORY + _MEMORY_PER_PIXEL * math.prod(photo.shape[1:3]))
        image = opened[0].draw(photo.copy())
        if image.shape != photo.shape or image.dtype != np.float32:
            raise ValueError(f"it gave {image.dtype} {list(image.shape)} for float32 {list(photo.shape)}")
        photo[:] = image
        return {}
    if request["do"] == "prepare":
        opened[0].prepare()
        return {}
    return opened[0].graph()


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
