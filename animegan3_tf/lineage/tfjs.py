"""Published TF.js graph models: model.json and the files of weights beside it, which may be quantised."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from animegan3_tf.errors import UserError
from animegan3_tf.lineage.graph_file import LARGEST, LARGEST_TEXT, GraphFile
from animegan3_tf.lineage.tensorflow_graph import graph_file

_TYPES = ("float32", "int32", "uint8", "uint16", "float16", "bool")


def read_tfjs(path: Path) -> GraphFile:
    """Reads a TF.js graph model; nothing in it is executed.

    Args:
        path: Its model.json. The files of weights lie beside it, under the names in it.

    Returns:
        The graph, its quantised weights as value = stored * scale + min, in float32.

    Raises:
        UserError: The file is not a graph model or is damaged, or a file of weights is missing or has another length.
    """
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
        if model.get("format", "graph-model") != "graph-model":
            raise UserError(f"{str(path)!r} is a TF.js {model['format']}; only a graph-model can be read")
        topology, groups = model["modelTopology"], model["weightsManifest"]
        graph = json_format.ParseDict(topology, tf.compat.v1.GraphDef(), ignore_unknown_fields=True)
        files = [path.parent / _plain_name(name, path) for group in groups for name in group["paths"]]
        constants: dict[str, np.ndarray] = {}
        for group in groups:
            constants |= _weights(group, path)
    except (AttributeError, KeyError, TypeError, ValueError, json_format.ParseError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{str(path)!r} is not a TF.js graph model, or it is damaged: {why}") from error
    return graph_file(graph, constants, "TF.js", (path, *files))


def _plain_name(name: str, path: Path) -> str:
    if Path(name).name != name:
        raise UserError(f"{str(path)!r} names weights in another folder: {name!r}; they must lie beside it")
    return name


def _weights(group: dict[str, Any], path: Path) -> dict[str, np.ndarray]:
    """{name: array} of a group of the manifest, whose files are read as one."""
    parts = []
    for name in group["paths"]:
        file = path.parent / _plain_name(name, path)
        if not file.is_file():
            raise UserError(f"{str(path)!r} needs {name!r} beside it, which does not exist; fetch it too")
        if file.stat().st_size > LARGEST:
            raise UserError(f"{str(file)!r} has {file.stat().st_size:,} bytes; a generator has at most {LARGEST_TEXT}")
        parts.append(file.read_bytes())
    stored, start = b"".join(parts), 0
    found: dict[str, np.ndarray] = {}
    for weight in group["weights"]:
        quantised = weight.get("quantization")
        stored_type = quantised["dtype"] if quantised else weight["dtype"]
        if stored_type not in _TYPES:
            raise UserError(f"{str(path)!r}: {weight['name']!r} is of type {stored_type!r}, which no generator has")
        count = math.prod(weight["shape"])
        length = count * np.dtype(stored_type).itemsize
        if start + length > len(stored):
            raise UserError(
                f"the weights of {str(path)!r} end before {weight['name']!r}; fetch {group['paths'][-1]!r} again"
            )
        array = np.frombuffer(stored, stored_type, count, start).reshape(weight["shape"])
        found[weight["name"]] = _dequantised(array, quantised, weight["dtype"])
        start += length
    if start != len(stored):
        raise UserError(
            f"the weights of {str(path)!r} have {len(stored):,} bytes, its manifest says {start:,}; fetch both again"
        )
    return found


def _dequantised(array: np.ndarray, quantised: dict[str, Any] | None, dtype: str) -> np.ndarray:
    if not quantised or "scale" not in quantised:  # float16 needs no scale
        return array.astype(dtype)
    # in double precision, as TF.js computes it
    return np.asarray(array.astype(np.float64) * quantised["scale"] + quantised["min"], dtype)
