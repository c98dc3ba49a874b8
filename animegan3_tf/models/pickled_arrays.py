"""NumPy arrays in pickles: the lineage's vgg19.npy, a pickled dictionary of arrays, read without unpickling it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.models.pickle_walker import Buildable, Maker, walk_pickle

_NUMBERS = re.compile(r"[<>|=]?[biufc]\d{1,2}|O8?")


class PickledArray(Buildable):
    """An array under construction.

    Attributes:
        value: The array, or the one object in an object array of no axes; None until its state has arrived.
    """

    def __init__(self) -> None:
        self.value: Any = None

    def build(self, state: Any) -> None:
        """Takes (version, shape, dtype, in Fortran's order, data)."""
        _, shape, dtype, fortran, data = state
        if dtype.value.hasobject:  # numpy.save puts a dictionary into an array of no axes
            if shape != () or len(data) != 1:
                raise ValueError("it does not hold a dictionary of arrays")
            self.value = data[0]
            return
        data = data.encode("latin1") if isinstance(data, str) else data
        self.value = np.frombuffer(data, dtype.value).reshape(shape, order="F" if fortran else "C")


class _DataType(Buildable):
    """A dtype under construction: the kind comes first, the byte order in its state."""

    def __init__(self, kind: str) -> None:
        if not _NUMBERS.fullmatch(kind):
            raise ValueError(f"it holds an array of {kind[:20]!r}, not of numbers")
        self.value = np.dtype(kind)

    def build(self, state: Any) -> None:
        if not self.value.hasobject:
            self.value = self.value.newbyteorder(state[1])


def _encode(text: str, encoding: str) -> bytes:
    """Makes bytes as Python 3 spells them in protocol 2."""
    if encoding != "latin1":
        raise ValueError(f"it encodes text as {encoding!r}")
    return text.encode("latin1")


_ARRAY = Maker(lambda *_: PickledArray())
ARRAY_NAMES = {
    "numpy.core.multiarray _reconstruct": _ARRAY,
    "numpy._core.multiarray _reconstruct": _ARRAY,
    "numpy ndarray": "ndarray",
    "numpy dtype": Maker(lambda kind, *_: _DataType(kind)),
    "_codecs encode": Maker(_encode),
}


def read_pickled_arrays(path: str | os.PathLike) -> dict[str, list[np.ndarray]]:
    """Reads the dictionary {name: [array, ...]} that `numpy.save` wrote into an object .npy file.

    Raises:
        ValueError: The file holds anything else.
    """
    with Path(path).open("rb") as file:
        version = np.lib.format.read_magic(file)
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"its .npy version {version} is not known")
        shape, _, dtype = readers[version](file)
        if not dtype.hasobject or shape != ():
            raise ValueError("it does not hold a dictionary of arrays")
        outer = walk_pickle(file, ARRAY_NAMES)
    arrays = outer.value if isinstance(outer, PickledArray) else None
    if not isinstance(arrays, dict) or not all(map(_are_arrays, arrays.values())):
        raise ValueError("it does not hold a dictionary of arrays")
    return {name: [array.value for array in several] for name, several in arrays.items()}


def _are_arrays(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(
        isinstance(value, PickledArray) and isinstance(value.value, np.ndarray) for value in values
    )
