"""PyTorch files as named NumPy arrays: neither PyTorch nor anything in the file is run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Union

import numpy as np

from animegan3_tf.errors import UserError, one_line
from animegan3_tf.models.pickle_walker import UnknownName
from animegan3_tf.models.pickled_arrays import PickledArray
from animegan3_tf.models.torch_container import OtherKind, open_container
from animegan3_tf.models.torch_tensor import Tensor

WRAPPERS = ("g_ema", "state_dict")  # entries that hold the weights in published files, the preferred first
_PARALLEL = "module."  # DataParallel puts it before every name
_DEPTH = 64  # a value that holds itself has no end

Source = Union[Tensor, np.ndarray]  # an array in the file, or one that the pickle itself holds


class Arrays(Mapping[str, np.ndarray]):
    """Arrays by name, each read from the file when it is asked for and not kept."""

    def __init__(self, sources: dict[str, Source], read: Callable[[Tensor], np.ndarray]) -> None:
        self._sources, self._read = sources, read

    def __getitem__(self, name: str) -> np.ndarray:
        """Raises UserError when the file turns out to be damaged there."""
        source = self._sources[name]
        return self._read(source) if isinstance(source, Tensor) else source.copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of an array without reading it."""
        return tuple(self._sources[name].shape)


class TorchFile(contextlib.AbstractContextManager):
    """An open PyTorch file (.pt, .pth, .bin), of the zip container or of the older stream.

    Attributes:
        name: The name of the file in errors.
        contents: The saved object as plain values, with unread `Tensor`s and NumPy arrays in it.
        arrays: All arrays in it; the one at contents["a"]["b"] is called "a/b", those in lists have numbers. An array
            that stands in two places has the name of the first. Arrays keep PyTorch's layout (kernels [out, in, height,
            width]) and dtype; bfloat16 becomes float32.
    """

    def __init__(self, source: str | os.PathLike | BinaryIO, name: str | None = None) -> None:
        """Opens a file and checks the sizes in it; no array is read yet.

        Args:
            source: A path, or an open binary file, which `close` then leaves open.
            name: The name of the file in errors; the path by default.

        Raises:
            UserError: The file cannot be read, is damaged, or holds more than data: a whole network, or code.
        """
        self.name = str(source) if name is None else name
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as opened, self._user_errors():
            if isinstance(source, (str, os.PathLike)):
                source = opened.enter_context(Path(source).open("rb"))
            self._container = open_container(source)
            self.contents: Any = _plain(self._container.contents)
            self.arrays = self._arrays(_named(self.contents))
            self._stack = opened.pop_all()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; arrays that were not read yet cannot be read any more."""
        self._stack.close()

    def state_dict(self, key: str | None = None) -> Arrays:
        """Returns the weights of one network by their names in it, such as "conv1.weight".

        The names of DataParallel lose their "module.".

        Args:
            key: The entry of the file that holds them; by default the first of `WRAPPERS` that is there, else the file
                itself.

        Raises:
            UserError: There is no such entry, or no array in it.
        """
        entries = self.contents if isinstance(self.contents, dict) else {}
        if key is None:
            key = next((wrapper for wrapper in WRAPPERS if isinstance(entries.get(wrapper), dict)), None)
        weights = entries if key is None else entries.get(key)
        found = _arrays_of(weights) if isinstance(weights, dict) else {}
        if not found:
            where = "" if key is None else f" in {key!r}"
            known = ", ".join(repr(str(name)[:40]) for name in list(entries)[:12]) or "nothing that has a name"
            raise UserError(f"PyTorch file {self.name!r} holds no weights{where}; it holds {known}")
        if all(name.startswith(_PARALLEL) for name in found):
            found = {name[len(_PARALLEL) :]: source for name, source in found.items()}
        return self._arrays(found)

    def _arrays(self, sources: dict[str, Source]) -> Arrays:
        return Arrays(sources, self._read)

    def _read(self, tensor: Tensor) -> np.ndarray:
        with self._user_errors():
            return tensor.array(self._container.read(tensor.storage))

    @contextlib.contextmanager
    def _user_errors(self) -> Iterator[None]:
        """Turns the errors of the readers into UserErrors that name the file."""
        try:
            yield
        except UnknownName as error:
            raise UserError(
                f"PyTorch file {self.name!r} is not read: {error}; if you trust it, load it with PyTorch and save "
                "the state_dict alone"
            ) from error
        except OtherKind as error:
            raise UserError(f"{self.name!r} is not read: {error}") from error
        except ValueError as error:
            raise UserError(f"PyTorch file {self.name!r} is damaged: {one_line(error)}; fetch it again") from error
        except OSError as error:
            raise UserError(
                f"PyTorch file {self.name!r} cannot be read: {error.strerror or one_line(error)}"
            ) from error


def _plain(value: Any) -> Any:
    """The value with arrays in place of each `PickledArray`; raises ValueError where it has no end."""
    done: dict[int, Any] = {}  # a few bytes may name the same value again and again

    def plain(value: Any, depth: int) -> Any:
        if depth > _DEPTH:
            raise ValueError("it is nested without end")
        if isinstance(value, PickledArray):
            return value.value
        if not isinstance(value, (dict, list, tuple)):
            return value
        if id(value) not in done:
            if isinstance(value, dict):
                done[id(value)] = {key: plain(item, depth + 1) for key, item in value.items()}
            else:
                done[id(value)] = type(value)(plain(item, depth + 1) for item in value)
        return done[id(value)]

    return plain(value, 0)


def _named(contents: Any) -> dict[str, Source]:
    """{path of an array in the contents: its source}."""
    found: dict[str, Source] = {}
    seen = set()

    def collect(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, (Tensor, np.ndarray)):
            name = "/".join(path)
            if name in found:
                raise ValueError(f"it has two arrays {name[:60]!r}")
            found[name] = value
        elif isinstance(value, (dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                collect(item, (*path, str(key)))

    collect(contents, ())
    return found


def _arrays_of(weights: dict[Any, Any]) -> dict[str, Source]:
    return {str(name): value for name, value in weights.items() if isinstance(value, (Tensor, np.ndarray))}
