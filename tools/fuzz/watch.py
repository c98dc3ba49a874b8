"""Has a child process read damaged files, and says how each ended."""

import collections
import contextlib
import json
import os
import random
import selectors
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from fuzz.mutate import mutate, mutate_text

TOOLS = Path(__file__).resolve().parents[1]
SECONDS = 10  # longer is a hang
MEGABYTES = 3 * 1024  # more is too much
START_SECONDS = 300  # until TensorFlow is loaded, on a busy machine
FAULTS = ("traceback", "message", "death", "hang", "memory")


class Reader:
    """A process that reads files of one kind; it is started again after a death or a hang.

    Args:
        kind: See `fuzz.readers.READERS`.
        module: The module that runs as the child.
        seconds: When a read counts as a hang.
    """

    def __init__(self, kind, module="fuzz.readers", seconds=SECONDS):
        self._command, self._seconds = [sys.executable, "-m", module, kind], seconds
        self._process = None

    def read(self, path):
        """Reads one file; returns {"outcome", "detail", "megabytes"}."""
        if self._process is None:
            self._start()
        try:
            self._process.stdin.write(f"{path}\n".encode())
            self._process.stdin.flush()
            line = self._line(self._seconds)
        except BrokenPipeError:
            line = b""
        if line is None:
            self.stop()
            return {"outcome": "hang", "detail": f"over {self._seconds} s", "megabytes": 0}
        if not line:
            status = self._process.wait()
            self.stop()
            return {"outcome": "death", "detail": f"exit status {status}", "megabytes": 0}
        result = json.loads(line)
        if result["megabytes"] > MEGABYTES / 2:  # what TensorFlow keeps of each SavedModel is no file's fault
            self.stop()
        return result

    def stop(self):
        """Ends the process and those that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None

    def _start(self):
        path = os.pathsep.join(filter(None, [str(TOOLS), str(TOOLS.parent), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        if not self._line(START_SECONDS):
            self.stop()
            raise RuntimeError(f"{' '.join(self._command)} does not start; run it by hand to see why")

    def _line(self, seconds):
        """The child's next line; empty where it ended, None where it says nothing for so long."""
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(seconds):
                    return None
                piece = self._process.stdout.read(65536)
                if not piece:
                    return b""
                line += piece
        return line


def damaged(seeds, kind, number, seed):
    """Makes the damaged files of one number.

    Args:
        seeds: Each a dict of file contents by name; one file of one of them is damaged.
        kind: The kind of file, which with `number` and `seed` decides the damage.
        number: Which one.
        seed: The seed of the run.

    Returns:
        {name: content}.
    """
    draw = random.Random(f"{seed} {kind} {number}")
    files = dict(draw.choice(seeds))
    name = draw.choice(sorted(files))
    if isinstance(files[name], str):
        files[name] = mutate_text(files[name], draw).encode(errors="surrogateescape")
    else:
        files[name] = mutate(files[name], [seed[key] for seed in seeds for key in seed], draw)
    return {key: value.encode() if isinstance(value, str) else value for key, value in files.items()}


def run(kind, seeds, count, seed, folder, show=print, reader=None, first=0):
    """Reads `count` damaged files of a kind.

    Args:
        kind: The kind.
        seeds: See `damaged`.
        count: How many.
        seed: The seed of the run.
        folder: Where files are written; those that show a fault are kept in its folder `found`.
        show: Receives a line for each fault.
        reader: A `Reader`; by default that of the kind.
        first: The number of the first.

    Returns:
        {"kind", "tried", "read", "refused", one entry for each of FAULTS, "peak_megabytes"}.
    """
    reader = reader or Reader(kind)
    counts, peak = collections.Counter(), 0
    work = Path(folder, f"now-{kind}")
    try:
        for number in range(first, first + count):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            files = damaged(seeds, kind, number, seed)
            for name, content in files.items():
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                (work / name).write_bytes(content)
            entry = work if len(files) > 1 else work / next(iter(files))
            result = reader.read(entry)
            if result["outcome"] == "hang":  # a busy machine is no hang: it must be slow twice
                result = reader.read(entry)
            peak = max(peak, result["megabytes"])
            found = [result["outcome"]] + ["memory"] * (result["megabytes"] > MEGABYTES)
            counts.update(found)
            if set(found) & set(FAULTS):
                kept = Path(folder, "found", f"{kind}-{number}")
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(work, kept)
                show(f"{kind} {number}: {', '.join(found)}: {result['detail']} ({result['megabytes']:,} MB); {kept}")
    finally:
        reader.stop()
        shutil.rmtree(work, ignore_errors=True)
    names = ("read", "refused", *FAULTS)
    return {"kind": kind, "tried": count, **{name: counts[name] for name in names}, "peak_megabytes": peak}
