"""Describes a model file or folder of any kind by what it holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.models.checkpoints import WEIGHTS, by_name
from animegan3_tf.models.model import WEIGHTS_KIND, accepted, kind_of, no_model
from animegan3_tf.models.weights_file import describe_arrays, describe_weights
from animegan3_tf.training.run_files import CONFIGURATION, is_state

Description = dict[str, Any]  # {what: value}: what a header may hold, such as text, numbers and lists


def describe_model(path: str | os.PathLike) -> Description:
    """Describes a model by its header, metadata and tensors.

    Args:
        path: Weights, a training state, a run folder, an exported or a published file, or a shipped checkpoint's name.

    Returns:
        Plain values by name, `kind` first; sizes are in bytes.

    Raises:
        UserError: The path does not exist, the file is damaged, or its format is unknown.
    """
    path = by_name(path)
    kind = kind_of(path)
    if kind is None:
        if path.is_dir():
            return _run_folder(path)
        raise no_model(path, also="a state (.h5), or ")
    if kind is WEIGHTS_KIND and is_state(path):
        return _state(path)
    return kind.describe(path) if kind.describe else kind.open(path).describe()


def _state(path: Path) -> Description:
    from animegan3_tf.training.state import read_state

    state = read_state(path)
    return describe_arrays("training state", path, _plain(state.header), state.arrays)


def _run_folder(path: Path) -> Description:
    from animegan3_tf.training.run_files import read_run

    weights, configuration = path / WEIGHTS, path / CONFIGURATION
    if not weights.is_file() and not configuration.is_file():
        raise UserError(f"folder {quote(path)} holds no run and no SavedModel; name {accepted()}")
    found: Description = {"kind": "run folder"}
    if configuration.is_file():
        found |= _plain(read_run(path).to_dict())
    if weights.is_file():
        found |= {f"generator {key}": value for key, value in describe_weights(weights).items() if key != "kind"}
    return found


def _plain(values: Mapping[str, Any]) -> Description:
    """The values that fit on a line: no nested ones and no None."""
    return {key: value for key, value in values.items() if not isinstance(value, (dict, list)) and value is not None}
