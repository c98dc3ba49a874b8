"""What commands set up and print: a quiet TensorFlow, progress, times in words."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TextIO, TypeVar

Advance = Callable[[int, int, str], None]  # called as (done, total, name) after each item
Progress = Callable[[str], contextlib.AbstractContextManager]  # as `progress`; the block gets an Advance, or None

_T = TypeVar("_T")


def quiet_tensorflow() -> None:
    """Sets up the environment and the warning filters; call it before the first import of TensorFlow.

    Settings that the user made in the environment stay.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3" and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _QuietImport())
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    warnings.filterwarnings("ignore", module="tensorflow_addons")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    warnings.filterwarnings("ignore", module="PIL")  # images.py says in one line what is wrong with a file


class _QuietImport(importlib.abc.MetaPathFinder):
    """Has the first import of TensorFlow print nothing: since 2.18 it ignores its own log level while it loads."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def quietly(module: ModuleType) -> None:
            with contextlib.ExitStack() as stack:
                with contextlib.suppress(OSError, ValueError, AttributeError):  # closed: nothing can be printed there
                    stack.enter_context(silence())
                load(module)
                module.config.list_physical_devices()  # finds no CUDA driver, and says so where there is no GPU

        spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec


def tensorflow_addons() -> ModuleType | None:
    """Imports TensorFlow Addons without its end-of-life notice, which is known; None where it does not import."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            import tensorflow_addons
        except ImportError:
            return None
    return tensorflow_addons


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Discards the process's stdout and stderr during a `with` block; exceptions pass.

    Keras prints every captured variable, and the converter's C++ code prints statistics past `sys.stdout`, so the file
    descriptors themselves are redirected.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        sys.stdout.flush()
        for number, descriptor in zip((1, 2), kept):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)


@contextlib.contextmanager
def lasting_output() -> Iterator[None]:
    """Lets the work in a `with` block go on when its stdout or stderr is closed, as by `| head` or with the terminal.

    What is printed from then on is lost, also after the block.
    """
    before = sys.stdout, sys.stderr  # None in a process without them
    lasting = [stream and _Lasting(stream) for stream in before]
    sys.stdout, sys.stderr = lasting  # they have what the streams within have
    try:
        yield
    finally:
        for stream in filter(None, lasting):
            stream.flush()
        sys.stdout, sys.stderr = before


class _Lasting:
    """A stream whose text goes nowhere once it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._ending():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._ending():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # the stream keeps what it could not write, and tries again at exit
            os.close(nowhere)


def duration(seconds: float) -> str:
    """Formats a length of time as `45 s`, `12 min`, `1 h 05 min` or `3 d 4 h`."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def number(value: float) -> str:
    """Writes a number for people: whole ones in full, others with four significant digits, never with an exponent."""
    if isinstance(value, int) or abs(value) >= 999.95:
        return f"{value:,.0f}"
    text = f"{value:.4g}"
    return f"{value:.6f}" if "e-" in text else text


_EVERY = 30.0  # seconds between lines; short work prints none


@contextlib.contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Shows done, total, rate and time left during a `with` block.

    Args:
        what: The work, such as "preparing".

    Yields:
        A function to call as (done, total, name) after each item.
    """
    from rich.console import Console  # here and below: most of what reads this module writes no progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(what)
        return
    import rich.progress

    class Rate(rich.progress.ProgressColumn):
        """Items a second over the last half minute."""

        def render(self, task: rich.progress.Task) -> str:
            return "" if task.speed is None else f"{task.speed:.3g}/s"

    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        Rate(),
        rich.progress.TimeElapsedColumn(),
        rich.progress.TimeRemainingColumn(),
        rich.progress.TextColumn("{task.fields[name]}", markup=False),
    )
    with rich.progress.Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, name="")
        yield lambda done, total, name: bar.update(task, completed=done, total=total, name=_printable(name))


def no_progress(what: str) -> contextlib.AbstractContextManager[None]:
    """Shows nothing where `progress` would."""
    return contextlib.nullcontext()


def counted(results: Iterable[_T], names: Sequence[str], advance: Advance | None) -> Iterator[_T]:
    """Yields results for a `for` loop, and reports each as done once the loop has worked on it.

    Args:
        results: The results, in the order of the names.
        names: The names of the items.
        advance: Called as (done, total, name) after each turn of the loop.
    """
    for done, (name, result) in enumerate(zip(names, results), 1):
        yield result
        if advance:
            advance(done, len(names), name)


class Lines:
    """Prints `preparing: 1,200 of 6,000, 8.5/s, 9 min left` at most every half minute.

    The rate counts from the line before, so items that an earlier command finished do not raise it for long.

    Args:
        what: The work, such as "preparing".
        clock: Returns the time in seconds.
        write: Called with each line; prints to stderr by default.
    """

    def __init__(
        self, what: str, clock: Callable[[], float] = time.monotonic, write: Callable[[str], None] | None = None
    ) -> None:
        self._what, self._clock = what, clock
        self._write = write or (lambda line: print(line, file=sys.stderr, flush=True))
        self._since, self._before = clock(), 0

    def __call__(self, done: int, total: int, name: str) -> None:
        """Counts an item as done, and prints a line if it is time."""
        now = self._clock()
        if now - self._since < _EVERY:
            return
        rate = (done - self._before) / (now - self._since)
        self._write(f"{self._what}: {done:,} of {total:,}, {rate:.3g}/s, {duration((total - done) / rate)} left")
        self._since, self._before = now, done


def _printable(name: str) -> str:
    """A file name with its undecodable bytes escaped, which would end the bar."""
    return name.encode(errors="backslashreplace").decode()
