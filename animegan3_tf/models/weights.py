"""Saves generators to weights files and loads them; only the deployed part is saved."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError, in_words
from animegan3_tf.layers import LADE, ExternalAttention, InstanceNorm, LayerNorm, Upsample2x
from animegan3_tf.layers.resize import GRIDS
from animegan3_tf.models.model import Model, keras_model
from animegan3_tf.models.weights_file import read_weights, warning_of, write_weights
from animegan3_tf.networks import animegan1, animegan2, animegan3, jp_face, tiny
from animegan3_tf.networks.animegan3 import main_tail
from animegan3_tf.networks.architectures import architecture_of

KERAS_3 = hasattr(tf.keras, "ops")  # of Python 3.12 and newer; docs/porting.md

# architecture: its builder, and the epsilons that it takes
_NETWORKS: dict[str, tuple[Callable[..., tf.keras.Model], Mapping[str, float]]] = {
    "animegan1": (animegan1.build_animegan1, animegan1.EPSILONS),
    "animegan2": (animegan2.build_animegan2, animegan2.EPSILONS),
    "animegan3": (animegan3.build_generator, animegan3.EPSILONS),
    "jp_face": (jp_face.build_jp_face, jp_face.EPSILONS),
    "tiny": (tiny.build_tiny, tiny.EPSILONS),
}
_WITH_LADE = ("animegan3", "tiny")
ATTENTION_NORMS = ("batch", "layer")  # of AnimeGANv3's


def plain(variable: tf.Variable) -> tf.Variable:
    """Returns the variable of TensorFlow inside one of Keras 3's; any other as it is."""
    return variable.value if KERAS_3 and isinstance(variable, tf.keras.Variable) else variable


def build_deployed(
    architecture: str,
    resize: str,
    lade: str = "covariance",
    epsilons: Mapping[str, float] | None = None,
    attention_norm: str = "batch",
) -> tf.keras.Model:
    """Builds the deployed generator of an architecture.

    Args:
        architecture: One of `ARCHITECTURES`.
        resize: As in `build_generator`.
        lade: The form of LADE, for networks that have it.
        epsilons: Values that replace some of the architecture's `EPSILONS`, by the same names.
        attention_norm: As in `build_generator`, for AnimeGANv3.

    Returns:
        A model from float [N, H, W, 3] in [-1, 1] to the same.
    """
    build, known = _NETWORKS[architecture]
    options: dict[str, Any] = {"resize": resize, "epsilons": {**known, **(epsilons or {})}}
    if architecture in _WITH_LADE:
        options["lade"] = lade
    if architecture == "animegan3":
        options |= {"tails": "main", "attention_norm": attention_norm}
    return build(**options)


def epsilon_names(architecture: str) -> tuple[str, ...]:
    """The names of the epsilons of an architecture's normalisations and attention."""
    return tuple(_NETWORKS[architecture][1])


def structure_of(model: tf.keras.Model) -> dict[str, Any]:
    """Finds the options with which `build_deployed` builds a generator again; they are header entries.

    Returns:
        "resize", "epsilons" and, where AnimeGANv3's attention has another than batch normalisation, "attention_norm".
    """
    names = {layer.name for layer in model.layers}
    epsilons: dict[str, float] = {}
    norms: dict[str, str] = {}
    for layer in model.layers:
        if isinstance(layer, LADE):
            epsilons["lade"] = layer.epsilon
        elif isinstance(layer, LayerNorm):
            epsilons["layer_norm"] = layer.epsilon
        elif isinstance(layer, InstanceNorm):
            separable = f"{layer.name.removesuffix('_norm')}_pointwise_conv" in names
            epsilons["separable_norm" if separable else "instance_norm"] = layer.epsilon
        elif isinstance(layer, ExternalAttention):
            epsilons |= {"attention": layer.epsilon, "attention_norm": layer.norm_epsilon}
            norms = {"attention_norm": layer.norm_kind} if layer.norm_kind in ATTENTION_NORMS[1:] else {}
    upsampling = next(layer for layer in model.layers if isinstance(layer, Upsample2x))
    return {"resize": upsampling.grid, "epsilons": epsilons, **norms}


def weight_name(weight: tf.Variable) -> str:
    """The name of a weight in files: its layers and its role, such as `main_attention/norm/gamma`."""
    # Keras 3 has the whole name in `path`, Keras 2.15 in `name`; a variable of several hosts would ask them for `path`
    return (weight.path if hasattr(type(weight), "path") else weight.name).split(":")[0]


def named_weights(model: tf.keras.Model) -> dict[str, tf.Variable]:
    """{name: weight} of a model.

    Raises:
        ValueError: Two weights have one name; one would be lost in a file.
    """
    named = {weight_name(weight): weight for weight in model.weights}
    if len(named) != len(model.weights):
        raise ValueError(f"the weights of {model.name} have only {len(named)} names for {len(model.weights)} arrays")
    return named


def save_generator(
    path: str | os.PathLike,
    generator: tf.keras.Model,
    metadata: Mapping[str, Any] | None = None,
    dtype: str = "float32",
) -> None:
    """Writes the deployed part of a generator, whole or not at all.

    Args:
        path: The weights file.
        generator: A model of `build_generator`, whose support tail is left out, or of `build_deployed`.
        metadata: Header entries that JSON can hold, such as the style, the step, or the training data; "architecture",
            one of `ARCHITECTURES`, is animegan3 by default.
        dtype: The type of the arrays in the file; "float16" halves its size without a visible difference.
    """
    header = {"architecture": "animegan3", **structure_of(generator), **(metadata or {})}
    deployed = main_tail(generator) if isinstance(generator.output, dict) else generator
    write_weights(path, header, {n: w.numpy().astype(dtype) for n, w in named_weights(deployed).items()})


def load_generator(path: str | os.PathLike, lade: str = "covariance") -> tf.keras.Model:
    """Loads the deployed generator of a weights file.

    Args:
        path: The weights file.
        lade: The form of LADE, as in `build_generator`.

    Returns:
        A model from float32 [N, H, W, 3] in [-1, 1] to the same.

    Raises:
        UserError: The file cannot be read, or weights are missing, extra or misshapen, all of which are listed.
    """
    return _filled(*read_weights(path), path, lade)


def open_weights(path: Path) -> Model:
    """Opens a weights file; raises UserError as `load_generator`."""
    return dataclasses.replace(model_of_weights(*read_weights(path), path), warning=warning_of(path))


def model_of_weights(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: Path) -> Model:
    """Makes the model of weights that lie in no file of their own, such as those in a training state.

    Args:
        header: As `read_weights` returns it.
        arrays: As `read_weights` returns them.
        path: The file that they come from, which errors name.

    Raises:
        UserError: As `load_generator`.
    """
    return keras_model("weights", path, header, _filled(header, arrays, path))


def _filled(
    header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str | os.PathLike, lade: str = "covariance"
) -> tf.keras.Model:
    """Builds the network that a header describes, and gives it its weights."""
    generator = _built_as(header, path, lade)
    expected = named_weights(generator)
    problems = misfits(expected, arrays)
    if problems:
        raise UserError(f"weights {str(path)!r} do not fit the generator: {in_words(problems)}")
    for name, weight in expected.items():
        weight.assign(arrays[name].astype("float32"))
    return generator


def _built_as(header: Mapping[str, Any], path: str | os.PathLike, lade: str) -> tf.keras.Model:
    """Builds the network that a header describes; without `epsilons`, as in old files, with the architecture's own."""
    architecture = architecture_of(header, path).name
    epsilons, norm = header.get("epsilons", {}), header.get("attention_norm", "batch")
    known = epsilon_names(architecture)
    if not isinstance(epsilons, dict) or not all(
        name in known and isinstance(value, (int, float)) and 0 < value < math.inf for name, value in epsilons.items()
    ):
        raise UserError(
            f"weights {str(path)!r}: epsilons are {epsilons!r}; {architecture} takes numbers above 0 for "
            f"{', '.join(known)}"
        )
    if header.get("resize") not in GRIDS:
        raise UserError(
            f"weights {str(path)!r}: resize is {header.get('resize')!r}; it must be one of {', '.join(GRIDS)}"
        )
    if architecture == "animegan3" and norm not in ATTENTION_NORMS:
        raise UserError(
            f"weights {str(path)!r}: attention_norm is {norm!r}; it must be one of {', '.join(ATTENTION_NORMS)}"
        )
    return build_deployed(architecture, header["resize"], lade, epsilons, norm)


def misfits(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Lists why arrays cannot be the values of variables, both by name.

    Returns:
        A line for each name that is missing, extra or misshapen, or whose array has numbers that are not finite.
    """
    problems = [f"{name} is missing" for name in sorted(variables.keys() - arrays.keys())]
    problems += [f"{name} is not part of the network" for name in sorted(arrays.keys() - variables.keys())]
    for name in sorted(variables.keys() & arrays.keys()):
        if arrays[name].shape != tuple(variables[name].shape):
            problems.append(f"{name} is {arrays[name].shape}, expected {tuple(variables[name].shape)}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name} holds NaN or infinite numbers")
    return problems
